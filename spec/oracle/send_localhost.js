// A host name and the system's own resolver.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  r.on('message', () => { r.close(); a.close(); });
  a.send('hello', port, 'localhost', o.done('sent'));
});
