// An address of the other family is an 'error', not a throw.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.on('error', () => a.close());
a.bind(0, '::1');
a.on('close', () => {
  const b = o.socket('b', 'udp6');
  b.on('error', () => b.close());
  b.bind(0, '127.0.0.1');
});
