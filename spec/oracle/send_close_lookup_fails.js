// A name that fails when the socket is closed already.
'use strict';
const o = require('./log');

const a = o.socket('a', { type: 'udp4', lookup: o.lookup({ no: 'fails' }) });
a.bind(0, '127.0.0.1', () => {
  a.send('hello', 9, 'no', o.done('sent'));
  a.close();
});
