// How often and with what a resolver is asked, connected or not.
'use strict';
const o = require('./log');

o.bound('r', 'udp6', (r, port) => {
  const a = o.socket('a', { type: 'udp6', lookup: o.lookup({ h: '::1' }) });
  a.bind(0, 'h', () => a.send('one', port, 'h'));
  r.once('message', () => a.connect(port, 'h', () => a.send('two')));
  o.messages(r, 2, () => { a.close(); r.close(); });
});
