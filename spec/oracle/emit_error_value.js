// 'error' without a listener and with a value that is no error.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
o.call(a, 'emit', 'error', 'text');
o.call(a, 'emit', 'error', 5);
o.call(a, 'emit', 'error', true);
