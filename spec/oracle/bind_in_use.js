// EADDRINUSE is emitted; the handler may bind again.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  const b = o.socket('b', 'udp4');
  b.on('error', () => {
    b.bind(0, '127.0.0.1', () => { o.log('bound'); a.close(); b.close(); });
  });
  b.bind(port, '127.0.0.1', () => o.log('never'));
  o.log('after bind');
});
