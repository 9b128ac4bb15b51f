// bind to a host name with the system's own resolver.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, 'localhost', () => { o.log('a', a.address()); a.close(); });
o.log('after bind');
