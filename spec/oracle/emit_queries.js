// listeners, rawListeners, listenerCount and eventNames.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4', () => {});
const fn = () => {};
a.on('x', fn).once('x', fn).on('y', fn);
o.log('names', a.eventNames().sort());
o.log('listeners', a.listeners('x').map((each) => each === fn));
o.log('raw', a.rawListeners('x').map((each) => each === fn));
o.log('wrapped', o.wrapped(a.rawListeners('x')[1]) === fn);
o.log('counts', a.listenerCount('x'), a.listenerCount('none'));
a.listeners('x').pop();
o.log('a copy', a.listenerCount('x'), a.listeners('none').length);
o.log('of a listener', a.listenerCount('x', fn));
o.log('of another', a.listenerCount('x', () => {}));
