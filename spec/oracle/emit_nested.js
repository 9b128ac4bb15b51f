// An emit inside of an emit skips nobody; once is once.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
let depth = 0;
a.once('x', () => { o.log('once'); a.emit('x'); });
a.on('x', () => {
  o.log('b');
  if (++depth === 1) a.emit('x');
});
a.on('x', () => o.log('c'));
a.emit('x');
