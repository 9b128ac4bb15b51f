// A port may be a numeric string.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  o.messages(a, 2, () => a.close());
  a.send('text', String(port), o.done('sent'));
  a.send('text', 0, 2, String(port), '127.0.0.1', o.done('sent'));
});
