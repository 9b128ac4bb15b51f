// send(message, port) on a connected socket.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  a.connect(port, '127.0.0.1', () => {
    o.attempt('port', () => { a.send('x', port); });
    o.attempt('address', () => { a.send('x', port, '127.0.0.1'); });
    a.send('good', () => o.after(20, () => { a.close(); r.close(); }));
  });
});
