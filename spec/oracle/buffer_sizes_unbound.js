// Buffer sizes of a socket that is not bound.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
o.call(a, 'setRecvBufferSize', 10000);
o.call(a, 'getRecvBufferSize');
o.call(a, 'setSendBufferSize', -1);
