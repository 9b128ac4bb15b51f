// Descriptors that are no udp socket (1: a pipe, 4: tcp), or taken (3).
'use strict';
const o = require('./log');

for (const fd of [1, 4])
  o.attempt(`fd ${fd}`, () => o.bare('x', 'udp4').bind({ fd }));
const a = o.socket('a', 'udp4');
a.bind({ fd: 3 }, () => {
  const b = o.socket('b', 'udp4');
  o.attempt('taken', () => b.bind({ fd: 3 }));
  a.close();
});
