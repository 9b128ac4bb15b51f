// A receiveBlockList of a socket for both families: IPv4 comes mapped.
'use strict';
const o = require('./log');

const list = new o.BlockList();
list.addAddress('127.0.0.2');
list.addAddress('::ffff:127.0.0.3', 'ipv6');
const a = o.socket('a', { type: 'udp6', receiveBlockList: list });
const { port } = a.bindSync();
const senders = ['127.0.0.2', '127.0.0.3', '127.0.0.4'].map((address) => {
  const made = o.socket(address, 'udp4');
  made.bindSync({ address });
  return made;
});
o.messages(a, 1, () => [a, ...senders].forEach((each) => each.close()));
senders[0].send('x', port, '127.0.0.1', () => {
  senders[1].send('y', port, '127.0.0.1', () => {
    senders[2].send('z', port, '127.0.0.1');
  });
});
