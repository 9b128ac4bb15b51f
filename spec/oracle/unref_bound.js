// unref: before bind, after bind, and ref again.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.unref();
a.bind(0, () => {
  const b = o.socket('b', 'udp4');
  b.bind(0, () => {
    o.call(b, 'unref');
    o.after(20, () => o.log('never')).unref();
  });
});
