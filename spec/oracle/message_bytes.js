// Every byte value arrives as it was sent.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  a.on('message', (msg) => { o.log('equal', all.equals(msg)); a.close(); });
  a.send(all, port, o.done('sent'));
});
