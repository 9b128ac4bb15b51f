// A block list that is none is refused.
'use strict';
const o = require('./log');

for (const option of ['receiveBlockList', 'sendBlockList']) {
  for (const value of [5, 'x', true, {}]) {
    o.attempt(`${option} ${o.show(value)}`,
      () => o.dgram.createSocket({ type: 'udp4', [option]: value }));
  }
}
o.attempt('order', () => o.dgram.createSocket({ type: 'no', lookup: 5,
  sendBlockList: 5, receiveBlockList: 'x' }));
o.attempt('order', () => o.dgram.createSocket({ type: 'no', lookup: 5,
  sendBlockList: 5, sendBufferSize: 'x' }));
o.attempt('order', () => o.dgram.createSocket({ type: 'no', lookup: 5,
  sendBlockList: 5, signal: 5 }));
