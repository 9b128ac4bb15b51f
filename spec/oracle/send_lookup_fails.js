// A name that does not resolve: callback, or 'error'.
'use strict';
const o = require('./log');

const a = o.socket('a', { type: 'udp4', lookup: o.lookup({ no: 'fails' }) });
a.bind(0, '127.0.0.1', () => {
  a.send('x', 9, 'no', (err) => {
    o.log('callback', err);
    a.send('x', 9, 'no');
  });
});
a.on('error', () => a.close());
