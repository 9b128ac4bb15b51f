// What send returns.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  a.on('message', () => a.close());
  o.call(a, 'send', 'x', port);
});
