// Wrong arguments of send, and the order of the checks.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  o.call(a, 'send');
  o.call(a, 'send', 'x');
  for (const message of [undefined, 5, true, ['x', 5], [[]]])
    o.call(a, 'send', message, port);
  for (const bad of [0, -1, 65536, 1.5, 'x', '', true, '65536'])
    o.call(a, 'send', 'x', bad);
  for (const address of [5, true, []]) {
    o.call(a, 'send', 'x', port, address);
    o.call(a, 'send', 'x', 0, 1, port, address);
  }
  o.call(a, 'send', 5, 0, 5);
  o.call(a, 'send', 'x', 0, 5);
  o.messages(a, 1, () => a.close());
  a.send('still good', port);
});
