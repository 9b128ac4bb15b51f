// A send that a sendBlockList refuses, without a callback.
'use strict';
const o = require('./log');

const list = new o.BlockList();
list.addAddress('127.0.0.2');
const a = o.socket('a', { type: 'udp4', sendBlockList: list });
a.bindSync({ address: '127.0.0.1' });
a.send('x', 9, '127.0.0.2');
a.send('x', 9, '127.0.0.1', () => a.close());
