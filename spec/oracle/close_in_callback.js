// close inside of a send callback: the others still run.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a) => {
  a.send('one', 9, '127.0.0.1', (err, bytes) => {
    o.log('one', err, bytes);
    a.close();
  });
  a.send('two', 9, '127.0.0.1', o.done('two'));
});
