// A bind address goes to the resolver once, the default one too.
'use strict';
const o = require('./log');

const lookup = o.lookup({ here: '127.0.0.1' });
const a = o.socket('a', { type: 'udp4', lookup });
a.bind(0, 'here', () => { o.log('a', a.address()); a.close(); });
a.on('close', () => {
  const b = o.socket('b', { type: 'udp4', lookup });
  b.bind(0, () => { o.log('b', b.address()); b.close(); });
  b.on('close', () => {
    const c = o.socket('c', { type: 'udp6', lookup });
    c.bind(0, '::1', () => { o.log('c', c.address()); c.close(); });
  });
});
