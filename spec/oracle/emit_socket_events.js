// Listeners removed and added while real events are emitted.
'use strict';
const o = require('./log');

o.bound('a', 'udp4', (a, port) => {
  const late = () => o.log('late');
  a.once('message', () => {
    o.log('once');
    a.off('message', late);
    a.on('message', () => { o.log('new'); a.close(); });
    a.send('two', port);
  });
  a.on('message', late);
  a.once('close', () => a.once('close', () => o.log('never')));
  a.send('one', port);
});
