// bindSync throws what bind emits, and can be called again.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
const b = o.socket('b', 'udp4');
const taken = a.bindSync({ address: '127.0.0.1' });
o.attempt('taken', () => b.bindSync(taken));
o.attempt('not ours', () => b.bindSync({ address: '203.0.113.1' }));
o.attempt('again', () => b.bindSync({ address: '127.0.0.1' }));
o.call(b, 'bindSync');
o.call(b, 'bind');
a.close();
b.close();
o.call(b, 'bindSync');
