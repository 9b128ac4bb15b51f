// A literal address of the other family.
'use strict';
const o = require('./log');

const others = { udp4: '::1', udp6: '127.0.0.1' };
o.both((type, next) => {
  const a = o.socket('a', type);
  a.connect(9, others[type], (err) => {
    o.log('callback', err);
    a.close(next);
  });
});
