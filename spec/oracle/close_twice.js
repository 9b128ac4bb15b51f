// A second close throws, at once, in 'close' and later.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.close(() => {
  o.call(a, 'close');
  o.after(1, () => o.call(a, 'close', () => o.log('never')));
});
o.call(a, 'close');
