// remoteAddress: unbound, bound, connected, closed.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp6');
o.call(a, 'remoteAddress');
a.bind(0, '::1', () => {
  o.call(a, 'remoteAddress');
  a.connect(9, () => {
    o.call(a, 'remoteAddress');
    a.close();
    o.call(a, 'remoteAddress');
    o.call(a, 'disconnect');
  });
});
