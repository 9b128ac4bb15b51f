// Dual stack takes the port of udp4 too; with ipv6Only it does not.
'use strict';
const o = require('./log');

function share(ipv6Only, next) {
  const six = o.socket('six', { type: 'udp6', ipv6Only });
  six.bind(0, () => {
    const four = o.socket('four', 'udp4');
    const end = () => { six.close(); four.close(); next?.(); };
    four.on('error', end).bind(six.address().port, end);
  });
}
share(true, () => share(false));
