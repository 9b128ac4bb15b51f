// A type that is none.
'use strict';
const o = require('./log');

for (const type of ['udp5', '', 'UDP4', 4, true, undefined, {}])
  o.attempt(`type ${o.show(type)}`, () => o.dgram.createSocket(type));
o.attempt('option', () => o.dgram.createSocket({ type: 'tcp' }));
