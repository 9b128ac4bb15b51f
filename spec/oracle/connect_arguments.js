// Wrong arguments of connect; it can be called again.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
for (const port of [undefined, null, 0, -1, 65536, 1.5, 'x', '', true])
  o.call(a, 'connect', port);
for (const address of [5, true, []]) o.call(a, 'connect', 9, address);
o.call(a, 'connect', 0, 5);
a.connect('9', '127.0.0.1', () => {
  o.call(a, 'remoteAddress');
  o.call(a, 'connect', 0);
  a.close();
});
