// on, once and the prepending forms; emit's arguments and result.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
const say = (name) => (...all) => o.log(name, ...all);
a.on('x', say('on')).once('x', say('once'));
a.prependListener('x', say('prepend'));
a.prependOnceListener('x', say('prependOnce'));
a.addListener('x', say('addListener'));
o.call(a, 'emit', 'x', 1, null, 'two');
o.call(a, 'emit', 'x');
o.call(a, 'emit', 'y');
o.call(a, 'listenerCount', 'x');
o.call(a, 'listenerCount', 'y');
