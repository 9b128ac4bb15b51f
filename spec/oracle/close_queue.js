// close while sends wait for the bind: they are done first.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, '127.0.0.1', () => o.log('bound'));
a.send('one', 9, '127.0.0.1');
a.close(() => o.log('callback'));
o.log('after close');
