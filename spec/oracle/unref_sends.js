// Sends of a socket without ref are done before the loop ends.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.unref();
a.send('one', 9, '127.0.0.1', o.done('one'));
a.send('two', 9, 'localhost', o.done('two'));
