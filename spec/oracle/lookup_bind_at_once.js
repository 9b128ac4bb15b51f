// The same: when 'listening' comes.
'use strict';
const o = require('./log');

const lookup = (host, family, callback) => callback(null, '127.0.0.1', 4);
const a = o.socket('a', { type: 'udp4', lookup });
a.bind(0, 'h', () => a.close());
o.log('after bind');
