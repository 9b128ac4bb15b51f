// getSendQueueSize and getSendQueueCount.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
o.call(a, 'getSendQueueSize');
o.call(a, 'getSendQueueCount');
a.send('hello', 9, '127.0.0.1', () => {
  o.call(a, 'getSendQueueSize');
  o.call(a, 'getSendQueueCount');
  a.close();
});
