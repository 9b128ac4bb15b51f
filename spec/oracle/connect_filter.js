// A connected socket hears its peer alone.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  o.bound('other', 'udp4', (other) => {
    const a = o.socket('a', 'udp4');
    a.connect(port, '127.0.0.1', () => {
      const mine = a.address().port;
      other.send('unheard', mine, '127.0.0.1', () => {
        r.send('heard', mine, '127.0.0.1');
      });
    });
    a.on('message', () => { r.close(); a.close(); other.close(); });
  });
});
