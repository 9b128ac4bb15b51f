// Options of a wrong type, and the order of the checks.
'use strict';
const o = require('./log');

const wrong = (label, options) => o.attempt(label,
  () => o.dgram.createSocket({ type: 'udp4', ...options }));
wrong('lookup', { lookup: 'x' });
wrong('lookup', { lookup: 5 });
wrong('recv', { recvBufferSize: 'x' });
wrong('recv', { recvBufferSize: -1 });
wrong('recv', { recvBufferSize: 1.5 });
wrong('recv', { recvBufferSize: 2 ** 32 });
wrong('send', { sendBufferSize: true });
wrong('signal', { signal: 'x' });
wrong('signal', { signal: 5 });
wrong('order', { recvBufferSize: 'r', sendBufferSize: 's', type: 'no' });
wrong('order', { lookup: 'x', type: 'no', signal: 5 });
wrong('order', { type: 'no', signal: 5 });
