// Every method that is no query returns the socket.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
const fn = () => {};
for (const method of ['on', 'addListener', 'once', 'prependListener',
  'prependOnceListener', 'off', 'removeListener'])
  o.call(a, method, 'x', fn);
o.call(a, 'removeAllListeners', 'x');
o.call(a, 'removeAllListeners');
o.call(a, 'off', 'nothing', fn);
