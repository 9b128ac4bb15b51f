// A callback of a failed bind is not called by the next one.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  const b = o.socket('b', 'udp4');
  b.once('error', () => {
    b.bind(0, '127.0.0.1', () => o.log('second callback'));
    b.on('listening', () => { a.close(); b.close(); });
  });
  b.bind({ port, address: '127.0.0.1' }, () => o.log('first callback'));
});
