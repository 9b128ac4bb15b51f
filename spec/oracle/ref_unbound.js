// A socket that is not bound does not keep the loop alive.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
o.call(a, 'unref');
o.call(a, 'ref');
o.socket('b', 'udp6');
