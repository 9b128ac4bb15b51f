// close right after connect of a bound socket.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a) => {
  a.connect(9, '127.0.0.1');
  a.close();
});
