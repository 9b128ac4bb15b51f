// address(): right after bind, when listening, closed.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, '127.0.0.1');
o.call(a, 'address');
a.on('listening', () => {
  o.call(a, 'address');
  a.close();
  o.call(a, 'address');
});
