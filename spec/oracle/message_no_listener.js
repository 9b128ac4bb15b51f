// Datagrams nobody listens to are gone; later ones are heard.
'use strict';
const o = require('./log');

const a = o.bare('a', 'udp4');
a.bind(0, '127.0.0.1', () => {
  const { port } = a.address();
  a.send('unheard', port, '127.0.0.1', () => o.after(20, () => {
    a.on('message', (msg) => { o.log('message', msg); a.close(); });
    a.send('heard', port);
  }));
});
