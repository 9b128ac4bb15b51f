// rinfo of udp4 and udp6; a fresh table each time.
'use strict';
const o = require('./log');

o.both((type, next) => o.bound(type, type, (a, port) => {
  const seen = [];
  a.on('message', (msg, rinfo) => {
    rinfo.mine = seen.push(rinfo);
    if (seen.length < 2) return a.send('second', port);
    o.log('fresh', seen[0] !== seen[1]);
    a.close(next);
  });
  a.send('first', port);
}));
