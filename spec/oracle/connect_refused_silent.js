// The same without an 'error' listener.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.bare('a', 'udp4');
  a.connect(port, '127.0.0.1', () => {
    r.close(() => a.send('x', () => o.after(20, () => a.close())));
  });
});
