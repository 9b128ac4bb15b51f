// A socket that is closed right after bindSync and connectSync.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bindSync({ address: '127.0.0.1' });
a.close();
const b = o.socket('b', 'udp4');
b.connectSync(9, '127.0.0.1');
b.close();
o.call(b, 'connectSync', 9, '127.0.0.1');
