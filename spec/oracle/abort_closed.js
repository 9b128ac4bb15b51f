// abort of a socket that is closed already does nothing.
'use strict';
const o = require('./log');

const controller = new o.AbortController();
const a = o.socket('a', { type: 'udp4', signal: controller.signal });
a.close(() => controller.abort());
o.attempt('at once', () => controller.abort());
