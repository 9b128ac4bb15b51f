// A hundred datagrams: all callbacks and messages, in order.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  const sent = [], got = [];
  a.removeAllListeners('message').on('message', (msg) => got.push(String(msg)));
  o.messages(a, 100, () => {
    o.log('sent', sent.join(' '));
    o.log('equal', sent.join() === got.join(), got[0], got[99]);
    a.close();
  });
  for (let i = 1; i <= 100; i++)
    a.send(`number ${i}`, port, () => sent.push(`number ${i}`));
});
