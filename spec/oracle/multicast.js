// Join, hear, leave; then nothing is heard any more.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, () => {
  const { port } = a.address();
  const group = o.ownGroup();
  a.setMulticastInterface('127.0.0.1');
  a.addMembership(group, '127.0.0.1');
  a.send('heard', port, group);
  a.once('message', () => {
    a.dropMembership(group, '127.0.0.1');
    a.send('unheard', port, group, () => a.send('end', port));
    a.on('message', () => a.close());
  });
});
