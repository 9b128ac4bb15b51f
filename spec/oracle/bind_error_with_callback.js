// A bind callback and no 'error' listener.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
a.bind(0, '203.0.113.1', () => o.log('never'));
o.log('after bind');
