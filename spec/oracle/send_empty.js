// Zero-length datagrams are messages.
'use strict';
const o = require('./log');

o.both((type, next) => o.bound(type, type, (a, port) => {
  o.messages(a, 2, () => a.close(next));
  a.send('', port, (err, bytes) => {
    o.log('sent', err, bytes);
    a.send('', 0, 0, port);
  });
}));
