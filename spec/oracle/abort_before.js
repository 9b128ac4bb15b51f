// A signal that is aborted already closes at once.
'use strict';
const o = require('./log');

const controller = new o.AbortController();
controller.abort();
const a = o.socket('a', { type: 'udp4', signal: controller.signal });
o.call(a, 'bind', 0);
o.call(a, 'close');
