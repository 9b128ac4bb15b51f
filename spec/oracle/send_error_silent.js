// The same without an 'error' listener ends nobody.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
a.bind(0, '127.0.0.1', () => {
  const { port } = a.address();
  a.send('x'.repeat(65508), port);
  a.send('x', port);
});
a.on('message', (msg) => { o.log('message', msg); a.close(); });
