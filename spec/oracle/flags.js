// Results of setBroadcast and setMulticastLoopback; any value is a flag.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a) => {
  for (const flag of [true, false, 1, 'x', null]) {
    o.call(a, 'setBroadcast', flag);
    o.call(a, 'setMulticastLoopback', flag);
  }
  a.close();
});
