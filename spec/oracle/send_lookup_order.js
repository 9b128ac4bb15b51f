// Two names: asked in the order of the sends, sent in the answers'.
'use strict';
const o = require('./log');

const a = o.bare('a', { type: 'udp4',
  lookup: o.lookup({ one: '127.0.0.1', two: '127.0.0.1' }) });
a.bind(0, 'one', () => {
  const got = [];
  a.on('message', (msg) => {
    if (got.push(msg) === 2) { o.log('messages', got); a.close(); }
  });
  a.send('1', a.address().port, 'one', o.done('one'));
  a.send('2', a.address().port, 'two', o.done('two'));
});
