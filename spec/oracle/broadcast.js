// EACCES without setBroadcast, delivered with it.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, () => {
  const { port } = a.address();
  const b = o.socket('b', 'udp4');
  a.on('message', () => { a.close(); b.close(); });
  b.send('no', port, '127.255.255.255', (err) => {
    o.log('refused', err);
    b.setBroadcast(true);
    b.send('yes', port, '127.255.255.255');
  });
});
