// bind(port): the default address, and 'listening' after the return.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
o.log('bind', a.bind(0));
o.log('after bind');
a.on('listening', () => {
  o.log('address', a.address());
  o.log('close', a.close());
});
