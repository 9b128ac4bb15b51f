// bindSync returns the address; 'listening' comes later.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.on('listening', () => a.close());
const address = a.bindSync({ port: 0, address: '127.0.0.1' });
o.log('bound', address);
o.log('same port', address.port === a.address().port);
