// The same of a socket that is bound already.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  o.bound('a', 'udp4', (a) => {
    a.send('hello', port, '127.0.0.1', o.done('sent'));
    a.close(() => o.after(20, () => r.close()));
  });
});
