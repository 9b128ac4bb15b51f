// A literal address of the other family.
'use strict';
const o = require('./log');

const others = { udp4: '::1', udp6: '127.0.0.1' };
o.both((type, next) => o.bound(type, type, (a) => {
  a.send('x', 9, others[type], (err) => { o.log('sent', err); a.close(next); });
}));
