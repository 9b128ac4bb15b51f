// recvBufferSize and sendBufferSize are set when bound.
'use strict';
const o = require('./log');

const a = o.socket('a', { type: 'udp4', recvBufferSize: 20000,
  sendBufferSize: 30000 });
a.bind(0, '127.0.0.1', () => {
  o.log('sizes', a.getRecvBufferSize(), a.getSendBufferSize());
  a.close();
});
