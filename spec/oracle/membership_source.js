// Source-specific membership: types, misuse, order of checks.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a) => {
  for (const kind of ['add', 'drop']) {
    const method = kind + 'SourceSpecificMembership';
    o.call(a, method);
    o.call(a, method, 5, 6);
    o.call(a, method, '127.0.0.1');
    o.call(a, method, '127.0.0.1', 5);
    o.call(a, method, 'x', '232.1.1.1', '127.0.0.1');
    o.call(a, method, '127.0.0.1', 'x', '127.0.0.1');
    o.call(a, method, '127.0.0.1', '232.1.1.1', '127.0.0.1');
    o.call(a, method, '127.0.0.1', '232.1.1.1', '127.0.0.1');
  }
  a.close();
  o.call(a, 'addSourceSpecificMembership', 5);
});
