// A name that does not resolve: the callback, or 'error'.
'use strict';
const o = require('./log');

const a = o.socket('a', { type: 'udp4', lookup: o.lookup({ no: 'fails' }) });
a.bind(0, '127.0.0.1', () => {
  a.connect(9, 'no', (err) => {
    o.log('callback', err, a.listenerCount('connect'));
    a.connect(9, 'no');
  });
});
a.on('error', () => {
  a.connect(9, '127.0.0.1', () => a.close());
});
