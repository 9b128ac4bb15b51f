// Slices outside of the message, and the order of the checks.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  for (const [offset, length] of [[4, 0], [0, 4], [2, 2], [-1, 1], [0, -1]])
    o.call(a, 'send', 'abc', offset, length, port, '127.0.0.1');
  o.call(a, 'send', 'abc', 4, 4, 0, '127.0.0.1');
  o.call(a, 'send', 'abc', 0, 3, 0, 5);
  o.call(a, 'send', 'abc', 0, 3, port, 5);
  a.close();
  o.call(a, 'send', 'abc', 4, 0, port);
  o.call(a, 'send', 'abc', 0, 3, -1, '127.0.0.1');
  o.call(a, 'send', 'abc', 0, 3, port, 5);
  o.call(a, 'send', 'abc', 0, 3, port);
});
