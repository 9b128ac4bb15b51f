// send with offset and length, up to the edges.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  o.messages(a, 5, () => a.close());
  a.send('hello', 0, 5, port, '127.0.0.1', o.done('whole'));
  a.send('hello', 1, 3, port, '127.0.0.1', o.done('middle'));
  a.send('hello', 5, 0, port, '127.0.0.1', o.done('end'));
  a.send('hello', 0, 0, port, o.done('none'));
  a.send('hello', 4, 1, port);
});
