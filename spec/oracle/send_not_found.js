// The error of the system's own resolver.
'use strict';
const o = require('./log');

const host = 'a'.repeat(64) + '.invalid';
const a = o.socket('a', 'udp4');
a.send('x', 9, host, (err) => {
  o.log('callback', err);
  a.send('x', 9, host);
});
a.on('error', () => a.close());
