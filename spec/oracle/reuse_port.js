// reusePort lets two sockets bind one port, if both have it.
'use strict';
const o = require('./log');

const make = (name, reusePort) => o.socket(name, { type: 'udp4', reusePort });
const [a, b, c] = [make('a', true), make('b', true), make('c', false)];
const { port } = a.bindSync({ address: '127.0.0.1' });
c.on('error', () => [a, b, c].forEach((each) => each.close()));
b.on('listening', () => {
  o.log('one port', b.address().port === port);
  c.bind(port, '127.0.0.1');
});
b.bind(port, '127.0.0.1');
