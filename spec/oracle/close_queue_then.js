// What a socket answers that waits to be closed.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.send('one', 9, '127.0.0.1');
a.close();
o.call(a, 'close');
o.attempt('send', () => { a.send('two', 9, '127.0.0.1'); });
