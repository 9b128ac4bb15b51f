// Without a callback: the event alone tells.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  a.on('connect', () => {
    o.log('listeners', a.listenerCount('connect'));
    a.close();
    r.close();
  });
  a.connect(port);
});
