// Ranges, types and results of setTTL and setMulticastTTL.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a) => {
  for (const ttl of [1, 64, 255, 0, 256, -1, 'x', true, undefined]) {
    o.call(a, 'setTTL', ttl);
    o.call(a, 'setMulticastTTL', ttl);
  }
  a.close();
});
