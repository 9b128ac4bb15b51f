// Sends before the bind is done wait for it and keep their order.
'use strict';
const o = require('./log');

o.bound('r', 'udp4', (r, port) => {
  const a = o.socket('a', 'udp4');
  o.messages(r, 3, () => { r.close(); a.close(); });
  a.bind(0, '127.0.0.1', () => o.log('bound'));
  for (const text of ['one', 'two', 'three'])
    a.send(text, port, '127.0.0.1', o.done(text));
  o.log('after send');
});
