// An IPv6 zone that does not exist.
'use strict';
const o = require('./log');

o.bound('a', 'udp6', (a) => {
  o.call(a, 'addMembership', 'ff02::1234', '::%nosuch0');
  o.call(a, 'setMulticastInterface', '::%nosuch0');
  a.close();
});
