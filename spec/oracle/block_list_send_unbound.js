// A send that a sendBlockList refuses, while a resolver is asked where to bind.
'use strict';
const o = require('./log');

const list = new o.BlockList();
list.addAddress('127.0.0.2');
const a = o.socket('a', { type: 'udp4', sendBlockList: list,
  lookup: o.lookup({ bad: '127.0.0.2' }) });
a.send('x', 9, '127.0.0.2', (err) => {
  o.log('callback', err);
  a.close();
});
