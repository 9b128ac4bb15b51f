// A send that is followed by close arrives.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  a.send('hello', port, '127.0.0.1', o.done('sent'));
  o.call(a, 'close', () => o.after(20, () => r.close()));
  o.log('after close');
});
