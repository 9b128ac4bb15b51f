// A newListener listener that adds to the same event.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
a.once('newListener', (name) => {
  if (name === 'x') a.on('x', () => o.log('b'));
});
a.on('x', () => o.log('a'));
a.emit('x');
