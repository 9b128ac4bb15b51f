// A group of IPv6 on a udp4 socket.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a) => {
  o.call(a, 'addMembership', 'ff02::1234');
  o.call(a, 'dropMembership', 'ff02::1234');
  a.close();
});
