// The same of a socket that is not bound.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.connect(9, '127.0.0.1');
a.close();
