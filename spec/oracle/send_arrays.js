// An array is one datagram; an empty one is an empty datagram.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  o.messages(a, 5, () => a.close());
  a.send(['one', ' ', 'two'], port, '127.0.0.1', o.done('three'));
  a.send(['', 'x', ''], port, o.done('holes'));
  a.send([''], port, o.done('empty string'));
  a.send([], port, o.done('empty'));
  a.send([], port);
});
