// connectSync connects to the own host when no address is given.
'use strict';
const o = require('./log');

for (const type of ['udp4', 'udp6']) {
  for (const address of [[], [undefined], ['']]) {
    const a = o.bare('a', type);
    o.call(a, 'connectSync', '9', ...address);
    o.call(a, 'remoteAddress');
    a.close();
  }
}
