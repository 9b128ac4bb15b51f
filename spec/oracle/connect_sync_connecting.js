// connectSync while a connect is in progress.
'use strict';
const o = require('./log');

const a = o.socket('a', { type: 'udp4', lookup: o.lookup({ h: '127.0.0.1' }) });
a.bindSync({ address: '127.0.0.1' });
a.connect(9, 'h', () => a.close());
o.call(a, 'connectSync', 9, '127.0.0.1');
