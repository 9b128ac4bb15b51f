// A send that fails and has no callback.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  a.send('x'.repeat(65508), port);
  a.send('x', port);
  a.on('message', () => a.close());
});
