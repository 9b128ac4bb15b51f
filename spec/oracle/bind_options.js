// bind(options, callback) and bind({}).
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.bind({ port: 0, address: '127.0.0.1', exclusive: true }, () => {
  o.log('a called', a.address());
  a.close();
});
const b = o.socket('b', 'udp4');
b.on('listening', () => { o.log('b', b.address()); b.close(); });
o.log('bind', b.bind({}));
