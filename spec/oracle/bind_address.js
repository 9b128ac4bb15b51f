// bind(port, address, callback): the callback is a listener.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, '127.0.0.1', (...all) => {
  o.log('callback', all.length, a.address());
  o.log('listeners', a.listenerCount('listening'));
  a.close();
});
a.on('listening', () => o.log('later listener'));
o.log('listeners', a.listenerCount('listening'));
