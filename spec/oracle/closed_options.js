// Options of a closed socket, after their arguments are checked.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.close();
o.call(a, 'setTTL', 'x');
o.call(a, 'setRecvBufferSize', -1);
o.call(a, 'setTTL', 5);
o.call(a, 'setBroadcast', true);
o.call(a, 'getRecvBufferSize');
o.call(a, 'getSendQueueSize');
