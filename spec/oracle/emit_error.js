// 'error' without a listener raises what it was given.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
a.bind(0, '203.0.113.1');
a.once('error', (err) => {
  o.log('heard', err);
  o.attempt('emit', () => a.emit('error', err));
  a.on('error', () => o.log('again'));
  o.attempt('emit', () => a.emit('error', err));
});
