// One function twice; off removes the latest.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
const same = () => o.log('same');
a.on('x', same).on('x', () => o.log('between')).on('x', same).once('x', same);
a.off('x', same);
a.emit('x');
a.off('x', same).emit('x');
a.off('x', same);
o.call(a, 'emit', 'x');
o.call(a, 'listenerCount', 'x');
a.once('z', same).off('z', same);
o.call(a, 'emit', 'z');
