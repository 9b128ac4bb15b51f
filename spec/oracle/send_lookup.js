// Host names go to the resolver, in order; the family is told.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const lookup = o.lookup({ here: '127.0.0.1' });
  const a = o.socket('a', { type: 'udp4', lookup });
  r.on('message', () => { r.close(); a.close(); });
  a.bind(0, 'here', () => {
    a.send('one', port, 'here', o.done('one'));
    o.log('after send');
  });
});
