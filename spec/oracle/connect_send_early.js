// Sends while the socket is still connecting.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  a.connect(port, '127.0.0.1', () => o.log('connected'));
  o.attempt('no port', () => { a.send('x'); });
  a.send('early', port, '127.0.0.1', (...all) => {
    o.log('early', ...all);
    o.after(20, () => { a.close(); r.close(); });
  });
});
