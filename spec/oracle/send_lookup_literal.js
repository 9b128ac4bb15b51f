// Literal addresses in send and connect.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', { type: 'udp4', lookup: o.lookup({}) });
  o.messages(r, 2, () => { r.close(); a.close(); });
  a.bind(0, '127.0.0.1', () => {
    a.send('one', port, '127.0.0.1', () => a.send('two', port));
  });
});
