// createSocket by type or options; a listener is for 'message'.
'use strict';
const o = require('./log');

const listener = () => {};
for (const type of ['udp4', 'udp6']) {
  const a = o.bare('a', type, listener);
  o.log(type, a.listenerCount('message'), a.listeners('message').length);
  const b = o.bare('b', { type }, listener);
  o.log(type, b.listenerCount('message'));
  o.log(type, o.bare('c', type, 'no function').listenerCount('message'));
}
