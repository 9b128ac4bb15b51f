// unix_dgram is a type of ours.
'use strict';
const o = require('./log');

o.attempt('unix', () => o.bare('u', 'unix_dgram'));
