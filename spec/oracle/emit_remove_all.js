// removeAllListeners tells removeListener, last added first.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
const one = () => {};
const two = () => {};
a.on('x', one).on('x', two).on('y', one);
a.on('removeListener', (name, listener) => {
  o.log('removed', name, listener === one);
});
a.removeAllListeners('x');
o.log('count', a.listenerCount('x'));
a.removeAllListeners();
o.log('names', a.eventNames());
