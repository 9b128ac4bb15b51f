// close of a fresh socket: the callback is a 'close' listener.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
o.call(a, 'close', (...all) => o.log('callback', all.length));
o.log('after close');
