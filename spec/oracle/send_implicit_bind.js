// A send binds, listens, and answers arrive.
'use strict';
const o = require('./log');

o.bound('server', 'udp4', (server) => {
  server.on('message', (msg, rinfo) => {
    server.send('answer', rinfo.port, rinfo.address, () => server.close());
  });
  const client = o.socket('client', 'udp4');
  client.on('message', () => client.close());
  client.send('hello', server.address().port, '127.0.0.1', o.done('sent'));
  o.log('after send');
});
