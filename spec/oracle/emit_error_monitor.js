// errorMonitor hears first and does not count as a listener.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
a.on(o.errorMonitor, (err) => o.log('monitor', err));
o.log('count', a.listenerCount('error'), a.listenerCount(o.errorMonitor));
a.once('error', (err) => {
  o.log('error', err);
  o.attempt('alone', () => a.emit('error', err));
});
a.bind(0, '203.0.113.1');
