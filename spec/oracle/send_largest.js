// The largest datagram goes, one byte more is EMSGSIZE.
'use strict';
const o = require('./log');

const limits = { udp4: 65507, udp6: 65527 };
const hosts = { udp4: '127.0.0.1', udp6: '::1' };
o.both((type, next) => o.bound(type, type, (a, port) => {
  a.on('message', () => a.close(next));
  a.send('x'.repeat(limits[type] + 1), port, hosts[type], (err) => {
    o.log('one more', err);
    o.unordered(2);
    a.send('x'.repeat(limits[type]), port, hosts[type], o.done('sent'));
  });
}));
