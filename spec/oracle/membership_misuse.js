// addMembership and dropMembership: what is refused.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a) => {
  for (const method of ['addMembership', 'dropMembership']) {
    o.call(a, method);
    o.call(a, method, '');
    o.call(a, method, 'no address');
    o.call(a, method, '127.0.0.1', '127.0.0.1');
  }
  o.call(a, 'dropMembership', '239.1.2.3', '127.0.0.1');
  o.call(a, 'addMembership', '239.1.2.3', '127.0.0.1');
  o.call(a, 'addMembership', '239.1.2.3', '127.0.0.1');
  o.call(a, 'dropMembership', '239.1.2.3', '127.0.0.1');
  o.call(a, 'dropMembership', '239.1.2.3', '127.0.0.1');
  a.close();
});
