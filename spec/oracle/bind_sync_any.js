// bindSync binds every address when none is given.
'use strict';
const o = require('./log');

for (const type of ['udp4', 'udp6']) {
  for (const options of [[], [{}], [{ address: '' }], [{ port: '0' }]]) {
    const a = o.bare('a', type);
    o.call(a, 'bindSync', ...options);
    a.close();
  }
}
