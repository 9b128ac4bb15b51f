// A resolver that answers before it returns.
'use strict';
const o = require('./log');

const lookup = (host, family, callback) => callback(null, '127.0.0.1', 4);
const a = o.socket('a', { type: 'udp4', lookup });
a.bind(0, 'h', () => {
  o.log('address', a.address());
  a.send('x', a.address().port, 'h', o.done('sent'));
  o.log('after send');
  a.on('message', () => a.close());
});
