// An argument that is no function is ignored.
'use strict';
const o = require('./log');

for (const value of [null, 5, 'x', {}]) {
  const a = o.socket('a', 'udp4');
  o.call(a, 'close', value);
}
