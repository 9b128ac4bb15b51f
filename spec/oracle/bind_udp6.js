// bind of a udp6 socket: the default address and an explicit one.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp6');
a.bind(0, () => { o.log('a', a.address()); a.close(); });
const b = o.socket('b', 'udp6');
b.bind(0, '::1', () => { o.log('b', b.address()); b.close(); });
