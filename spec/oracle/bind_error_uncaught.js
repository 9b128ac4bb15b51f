// A failed bind that nobody listens to ends the process.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
a.on('close', () => o.log('never'));
a.bind(0, '203.0.113.1');
o.log('after bind');
