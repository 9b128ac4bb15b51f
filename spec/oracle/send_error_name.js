// A send to a name that fails later has the name in its error.
'use strict';
const o = require('./log');

const lookup = o.lookup({ here: '127.0.0.1' });
const a = o.socket('a', { type: 'udp4', lookup });
a.bind(0, '127.0.0.1', () => {
  a.send('x'.repeat(65508), 9, 'here', (err) => {
    o.log('sent', err);
    a.close();
  });
});
