// ref takes unref back.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.unref();
a.bind(0, () => {
  a.ref().ref();
  o.after(20, () => { o.log('still alive'); a.close(); }).unref();
});
