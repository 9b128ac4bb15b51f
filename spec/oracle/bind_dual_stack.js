// A udp6 socket hears udp4 senders by mapped addresses.
'use strict';
const o = require('./log');

const six = o.socket('six', 'udp6');
six.bind(0, () => {
  const four = o.socket('four', 'udp4');
  four.send('hello', six.address().port, '127.0.0.1', o.done('sent'));
  six.on('message', () => { six.close(); four.close(); });
});
