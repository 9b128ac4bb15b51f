// A second bind throws: while binding, when bound, after close.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, '127.0.0.1', () => {
  o.call(a, 'bind', 0);
  a.close(() => o.call(a, 'bind', 0));
});
o.call(a, 'bind', 0, () => o.log('never'));
