// The error of a send has the address as it was given.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  const big = 'x'.repeat(65508);
  a.send(big, port, '127.0.0.1', (err) => {
    o.log('address', err);
    a.send(big, port, (err2) => { o.log('default', err2); a.close(); });
  });
});
