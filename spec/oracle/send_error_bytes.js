// What a callback gets with an error.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  a.send('x'.repeat(65508), port, (err, bytes) => {
    o.log('refused', err.code, bytes);
    a.close();
  });
});
