// Closed while its name is looked up: no bind, no error.
'use strict';
const o = require('./log');

const a = o.socket('a', { type: 'udp4', lookup: o.lookup({ h: '127.0.0.1' }) });
a.bind(0, 'h', () => o.log('never'));
a.close();
const b = o.socket('b', { type: 'udp4', lookup: o.lookup({ no: 'fails' }) });
b.bind(0, 'no');
b.close();
