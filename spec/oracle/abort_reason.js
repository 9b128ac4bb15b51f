// A reason is kept by the signal; the socket emits no error.
'use strict';
const o = require('./log');

const controller = new o.AbortController();
o.log('reason', controller.signal.reason, controller.signal.aborted);
const a = o.socket('a', { type: 'udp4', signal: controller.signal });
controller.signal.addEventListener('abort', () => o.log('listener'));
controller.abort('because');
controller.abort('again');
o.log('reason', controller.signal.reason, controller.signal.aborted);
o.call(a, 'close');
