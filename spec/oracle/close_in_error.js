// close inside of 'error'.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.on('error', () => o.call(a, 'close', () => o.log('callback')));
a.on('error', () => o.call(a, 'address'));
a.bind(0, '203.0.113.1');
