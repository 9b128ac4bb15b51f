// An error that a listener raises ends the process.
'use strict';
const o = require('./log');

const a = o.socket('a', 'udp4');
a.on('listening', () => { throw new Error('oops'); });
a.bind(0, '127.0.0.1');
