// A listener that is no function.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
for (const method of ['on', 'addListener', 'once', 'prependListener',
  'prependOnceListener', 'off', 'removeListener']) {
  o.call(a, method, 'x');
  o.call(a, method, 'x', 5);
}
o.call(a, 'on', 'x', 'text');
