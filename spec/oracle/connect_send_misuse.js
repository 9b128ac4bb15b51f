// A connected socket takes no port and no address.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  a.connect(port, '127.0.0.1', () => {
    o.call(a, 'send', 'x', 0, 1, port);
    o.call(a, 'send', 'x', 0, 1, port, '127.0.0.1');
    o.call(a, 'send', 'x', 0, 1, null, '127.0.0.1');
    o.call(a, 'send', 'abc', 4, 0);
    o.call(a, 'send', 'abc', 0, 4);
    o.call(a, 'send', 'abc', 4, 4, port);
    o.call(a, 'send', 5);
    o.call(a, 'send');
    o.call(a, 'send', ['x', 5]);
    o.call(a, 'sendto', 'x', 0, 1, port, '127.0.0.1');
    a.send('good', o.done('sent'));
  });
  r.on('message', () => { r.close(); a.close(); });
});
