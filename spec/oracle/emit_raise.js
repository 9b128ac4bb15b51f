// A listener that raises: emit raises, the rest is not called.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
a.on('x', () => o.log('first'));
a.once('x', () => { throw new Error('oops'); });
a.on('x', () => o.log('third'));
try { a.emit('x'); } catch (e) { o.log('raised'); }
a.emit('x');
