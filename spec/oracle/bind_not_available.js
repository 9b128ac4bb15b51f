// An address that is not ours; port 0 is not in the error.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.on('error', () => a.close());
a.bind(0, '203.0.113.1');
const b = o.socket('b', 'udp6');
b.on('error', () => b.close());
b.bind(0, '2001:db8::1');
