// Descriptors that are no udp socket (1: a pipe, 4: tcp), or taken.
'use strict';
const o = require('./log');

for (const fd of [1, 4])
  o.attempt(`fd ${fd}`, () => o.bare('x', 'udp4').bind({ fd }));
o.bound('a', 'udp4', (a) => {
  const b = o.socket('b', 'udp4');
  o.attempt('taken', () => b.bind({ fd: o.fileno(a) }));
  a.close();
});
