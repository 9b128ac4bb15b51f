// bind() and bind(callback): any port of all addresses.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.on('listening', () => { o.log('a', a.address()); a.close(); });
o.log('bind', a.bind());
const b = o.socket('b', 'udp4');
b.bind(() => { o.log('b', b.address()); b.close(); });
