// A sendBlockList refuses connect and connectSync; others may be connected to.
'use strict';
const o = require('./log');

const list = new o.BlockList();
list.addSubnet('127.0.0.2', 31);
const a = o.socket('a', { type: 'udp4', sendBlockList: list });
o.call(a, 'connectSync', 9, '127.0.0.2');
a.connect(9, '127.0.0.3', (err) => {
  o.log('callback', err);
  a.connect(9, '127.0.0.2');
});
a.once('error', () => {
  o.call(a, 'connectSync', 9, '127.0.0.1');
  list.addAddress('127.0.0.1');
  a.send('x', (err) => {
    o.log('send', err);
    a.close();
  });
});
