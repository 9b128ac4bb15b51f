// close inside of 'connect'.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.on('connect', () => a.close());
a.on('connect', () => o.call(a, 'remoteAddress'));
a.connect(9, '127.0.0.1');
