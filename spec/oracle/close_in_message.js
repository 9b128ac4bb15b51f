// close inside of 'message': what has arrived is dropped.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  o.bound('b', 'udp4', (b) => {
    a.on('message', () => a.close());
    a.on('message', (msg) => o.log('second listener', msg));
    b.send('one', port);
    b.send('two', port);
    b.send('three', port);
    a.on('close', () => b.close());
  });
});
