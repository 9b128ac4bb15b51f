// Listeners that are removed while the event is emitted.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
const third = () => o.log('third');
const first = () => {
  o.log('first');
  a.off('x', first).off('x', third);
};
a.on('x', first).on('x', () => o.log('second')).on('x', third);
a.emit('x');
o.log('count', a.listenerCount('x'));
a.emit('x');
a.on('y', () => { a.removeAllListeners('y'); o.log('y one'); });
a.on('y', () => o.log('y two'));
a.emit('y');
o.call(a, 'emit', 'y');
