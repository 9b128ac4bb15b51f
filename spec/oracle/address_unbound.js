// address() before any bind, and after a send has bound.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
o.call(a, 'address');
a.send('x', 9, '127.0.0.1', () => {
  o.log('family', a.address().family, a.address().address);
  a.close();
});
const b = o.socket('b', 'udp6');
o.call(b, 'address');
