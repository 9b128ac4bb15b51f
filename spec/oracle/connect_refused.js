// Nobody listens: the remote's answer is an 'error'.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  a.on('error', () => a.close());
  a.connect(port, '127.0.0.1', () => {
    r.close(() => a.send('x', o.done('sent')));
  });
});
