// Closed while connecting: no event, no error.
'use strict';
const o = require('./log');

const a = o.socket('a', { type: 'udp4', lookup: o.lookup({ h: '127.0.0.1' }) });
a.bind(0, 'h', () => {
  a.connect(9, 'h', o.done('never'));
  a.close();
});
