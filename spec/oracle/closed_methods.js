// What a closed socket answers.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.close();
for (const method of ['bind', 'address', 'close', 'remoteAddress', 'ref',
  'unref']) o.call(a, method);
o.call(a, 'addMembership', '239.1.2.3');
o.call(a, 'addMembership');
o.call(a, 'dropMembership', '239.1.2.3');
o.call(a, 'setMulticastInterface', '0.0.0.0');
o.call(a, 'addSourceSpecificMembership', '127.0.0.1', '232.1.1.1');
o.call(a, 'dropSourceSpecificMembership', '127.0.0.1', '232.1.1.1');
o.call(a, 'disconnect');
o.call(a, 'send', 'x', 9);
o.call(a, 'send', 'x', 0);
o.call(a, 'sendto', 'x', 0, 1, 9, '127.0.0.1');
o.call(a, 'connect', 9);
