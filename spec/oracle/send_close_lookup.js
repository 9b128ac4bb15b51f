// A send to a name that is followed by close.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const lookup = o.lookup({ h: '127.0.0.1' });
  const a = o.socket('a', { type: 'udp4', lookup });
  a.bind(0, '127.0.0.1');
  a.send('hello', port, 'h', o.done('sent'));
  a.close(() => o.after(20, () => r.close()));
});
