// Sends that wait for a bind that fails.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  a.bind(port, '127.0.0.1');
  a.send('one', port, o.done('one'));
  a.send('two', port);
  a.on('error', () => {
    a.send('again', port, o.done('again'));
  });
  r.on('message', () => { a.close(); r.close(); });
});
