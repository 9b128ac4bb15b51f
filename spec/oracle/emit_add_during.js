// Listeners that are added while the event is emitted.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
a.once('x', () => {
  o.log('first');
  a.on('x', () => o.log('added'));
  a.prependListener('x', () => o.log('prepended'));
});
a.on('x', () => o.log('second'));
a.emit('x');
o.log('again');
a.emit('x');
