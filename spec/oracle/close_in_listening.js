// close inside of 'listening': later listeners still run.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.on('listening', () => a.close());
a.on('listening', () => o.call(a, 'address'));
a.bind(0, '127.0.0.1');
