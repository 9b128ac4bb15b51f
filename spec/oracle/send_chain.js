// A callback that sends again; the messages keep their order.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
const got = [];
let count = 0;
const send = () => a.send('number ' + count, a.address().port, (err, bytes) => {
  o.log('sent', err, bytes);
  if (++count < 5) return send();
  o.after(20, () => { o.log('messages', got); a.close(); });
});
a.on('message', (msg) => got.push(msg));
a.bind(0, send);
