// Two sockets that are bound and connected at once talk at once.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
const b = o.socket('b', 'udp4');
const to = a.bindSync({ address: '127.0.0.1' });
o.call(a, 'setTTL', 5);
b.connectSync(to.port, '127.0.0.1');
o.call(b, 'getSendQueueCount');
b.send('ping');
a.on('message', (msg, rinfo) => a.send('pong', rinfo.port, rinfo.address));
b.on('message', () => { a.close(); b.close(); });
