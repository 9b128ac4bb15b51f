// Without an address a datagram goes to the own host.
'use strict';
const o = require('./log');

o.both((type, next) => o.bound(type, type, (a, port) => {
  o.messages(a, 4, () => a.close(next));
  a.send('1', port, () => {
    a.send('2', port, null, () => {
      a.send('3', port, '', () => a.send('4', port, undefined));
    });
  });
}));
