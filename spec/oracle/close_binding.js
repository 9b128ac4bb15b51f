// close right after bind: no 'listening'.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, '127.0.0.1', () => o.log('never'));
a.close(() => o.log('callback'));
const b = o.socket('b', 'udp4');
b.bind(0, 'localhost', () => o.log('never'));
b.close();
