// connectSync binds and connects; 'listening' and 'connect' come later.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.on('connect', () => a.close());
o.call(a, 'connectSync', 9, '127.0.0.1');
o.call(a, 'remoteAddress');
o.call(a, 'address');
o.call(a, 'connectSync', 9);
o.call(a, 'connect', 9);
