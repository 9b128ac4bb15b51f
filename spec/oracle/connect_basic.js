// connect(port, callback): events, remoteAddress, every send.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  o.messages(r, 5, () => { r.close(); a.close(); });
  o.call(a, 'connect', port, () => {
    o.call(a, 'remoteAddress');
    a.send('one', o.done('one'));
    a.send('two');
    a.send('three', 1, 3, o.done('slice'));
    a.send('four', 0, 4);
    a.send(['f', 'ive'], o.done('array'));
  });
  o.log('after connect');
});
