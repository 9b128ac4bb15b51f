// A descriptor from outside (3: a bound udp socket) is adopted.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.on('message', () => a.close());
o.log('bind', a.bind({ fd: 3 }, () => {
  o.log('callback', a.address());
  const b = o.socket('b', 'udp4');
  b.send('hello', a.address().port, () => b.close());
}));
