// A second connect: while connecting, and when connected.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.connect(9, '127.0.0.1', () => {
  o.call(a, 'connect', 9);
  a.close();
});
o.call(a, 'connect', 9);
o.call(a, 'remoteAddress');
o.call(a, 'disconnect');
