// Two sockets with reuseAddr share a port, without it they do not.
'use strict';
const o = require('./log');

const options = { type: 'udp4', reuseAddr: true };
const a = o.socket('a', options);
a.bind(0, '127.0.0.1', () => {
  const { port } = a.address();
  const b = o.socket('b', options);
  b.bind(port, '127.0.0.1', () => {
    const c = o.socket('c', 'udp4');
    c.on('error', () => { a.close(); b.close(); c.close(); });
    c.bind(port, '127.0.0.1');
  });
});
