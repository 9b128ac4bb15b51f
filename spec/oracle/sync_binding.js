// bindSync and connectSync while a bind is in progress.
'use strict';
const o = require('./log');

const a = o.socket('a', { type: 'udp4', lookup: o.lookup({ h: '127.0.0.1' }) });
a.bind(0, 'h', () => {
  o.call(a, 'connectSync', 9, '127.0.0.1');
  a.close();
});
o.call(a, 'bindSync');
o.call(a, 'connectSync', 9, '127.0.0.1');
