// disconnect, then a send with a port, then another connect.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  o.call(a, 'disconnect');
  a.connect(port, '127.0.0.1', () => {
    o.call(a, 'disconnect');
    o.call(a, 'disconnect');
    o.call(a, 'remoteAddress');
    o.attempt('no port', () => { a.send('x'); });
    a.send('with port', port, '127.0.0.1');
  });
  r.once('message', () => a.connect(port, () => a.send('again')));
  o.messages(r, 2, () => { r.close(); a.close(); });
});
