// bind(port, callback) and bind(port, nil, callback).
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, () => { o.log('a called', a.address()); a.close(); });
const b = o.socket('b', 'udp4');
b.bind(0, null, () => { o.log('b called', b.address()); b.close(); });
