// Datagrams from a receiveBlockList are not heard; it may grow later.
'use strict';
const o = require('./log');

const list = new o.BlockList();
list.addAddress('127.0.0.2');
const a = o.socket('a', { type: 'udp4', receiveBlockList: list });
const { port } = a.bindSync();
const senders = ['127.0.0.2', '127.0.0.3', '127.0.0.4'].map((address) => {
  const made = o.socket(address, 'udp4');
  made.bindSync({ address });
  return made;
});
const send = (i, msg, then) => senders[i].send(msg, port, '127.0.0.1', then);
o.messages(a, 1, () => {
  list.addSubnet('127.0.0.3', 32);
  send(1, 'unheard', () => send(2, 'heard'));
});
o.messages(a, 2, () => [a, ...senders].forEach((each) => each.close()));
send(0, 'unheard', () => send(1, 'heard'));
