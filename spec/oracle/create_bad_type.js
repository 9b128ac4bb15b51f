// A type that is none.
'use strict';
const o = require('./log');

for (const type of ['udp5', 4, undefined])
  o.attempt(`type ${o.show(type)}`, () => o.dgram.createSocket(type));
