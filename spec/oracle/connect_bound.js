// connect of a bound socket, with an address; udp4 and udp6.
'use strict';
const o = require('./log');

const hosts = { udp4: '127.0.0.1', udp6: '::1' };
o.both((type, next) => o.bound('r', type, (r, port) => {
  o.bound('a', type, (a) => {
    a.connect(port, hosts[type], (...all) => {
      o.log('callback', all.length, a.remoteAddress());
      a.send('', o.done('sent'));
    });
    r.on('message', () => { a.close(); r.close(next); });
  });
}));
