// The same of a udp6 socket.
'use strict';
const o = require('./log');

o.bound('a', 'udp6', (a) => {
  for (const ttl of [1, 255, 0, 256, -1, 'x']) {
    o.call(a, 'setTTL', ttl);
    o.call(a, 'setMulticastTTL', ttl);
  }
  o.call(a, 'setMulticastLoopback', false);
  o.call(a, 'setBroadcast', true);
  a.close();
});
