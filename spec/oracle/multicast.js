// Join, hear, leave; then nothing is heard any more.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, () => {
  const { port } = a.address();
  a.setMulticastInterface('127.0.0.1');
  a.addMembership('239.1.2.3', '127.0.0.1');
  a.send('heard', port, '239.1.2.3');
  a.once('message', () => {
    a.dropMembership('239.1.2.3', '127.0.0.1');
    a.send('unheard', port, '239.1.2.3', () => a.send('end', port));
    a.on('message', () => a.close());
  });
});
