// connect to a host name; localhost by the system's resolver.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const lookup = o.lookup({ here: '127.0.0.1' });
  const a = o.socket('a', { type: 'udp4', lookup });
  a.bind(0, 'here', () => {
    a.connect(port, 'here', () => {
      o.call(a, 'remoteAddress');
      a.close();
    });
  });
  a.on('close', () => {
    const b = o.socket('b', 'udp4');
    b.connect(port, 'localhost', () => {
      o.call(b, 'remoteAddress');
      b.close();
      r.close();
    });
  });
});
