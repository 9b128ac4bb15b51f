// The four functions of a bound socket, and bad sizes.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a) => {
  o.call(a, 'setRecvBufferSize', 10000);
  o.call(a, 'getRecvBufferSize');
  o.call(a, 'setSendBufferSize', 12000);
  o.call(a, 'getSendBufferSize');
  for (const size of [-1, 1.5, NaN, Infinity, 2 ** 32, 'x', true, undefined]) {
    o.call(a, 'setRecvBufferSize', size);
    o.call(a, 'setSendBufferSize', size);
  }
  o.log('kept', a.getRecvBufferSize(), a.getSendBufferSize());
  a.close();
});
