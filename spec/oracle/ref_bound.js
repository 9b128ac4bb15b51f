// A bound socket keeps the loop alive until it is closed.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind(0, () => {
  o.after(20, () => { o.log('still alive'); a.close(); }).unref();
});
