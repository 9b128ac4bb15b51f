// A sendBlockList refuses send, by address and by name.
'use strict';
const o = require('./log');

const list = new o.BlockList();
list.addAddress('127.0.0.2');
const a = o.socket('a', { type: 'udp4', sendBlockList: list,
  lookup: o.lookup({ bad: '127.0.0.2', good: '127.0.0.1' }) });
const send = (address, then) => a.send('x', 9, address, (err) => {
  o.log(address, err);
  then();
});
a.bindSync({ address: '127.0.0.1' });
a.once('listening', () => {
  send('127.0.0.2', () => send('bad', () => send('good', () => a.close())));
});
