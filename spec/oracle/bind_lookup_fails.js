// A name that does not resolve: unbound again, then 'error'.
'use strict';
const o = require('./log');

const a = o.socket('a', { type: 'udp4', lookup: o.lookup({ no: 'fails' }) });
a.on('error', () => {
  a.bind(0, '127.0.0.1', () => { o.log('bound', a.address()); a.close(); });
});
a.bind(0, 'no', () => o.log('never'));
