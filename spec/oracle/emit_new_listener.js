// newListener comes before, removeListener after the change.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
const fn = () => o.log('called');
for (const event of ['newListener', 'removeListener'])
  a.on(event, (name, listener) => {
    o.log(event, name, listener === fn, a.listenerCount(name));
  });
a.on('x', fn).prependListener('x', fn).once('y', fn);
a.emit('y');
a.off('x', fn).off('x', fn).off('nothing', fn);
