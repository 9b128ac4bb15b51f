// abort closes: bound, binding, unbound; 'close' comes later.
'use strict';
const o = require('./log');

for (const when of ['bound', 'binding', 'unbound']) {
  const controller = new o.AbortController();
  const a = o.socket(when, { type: 'udp4', signal: controller.signal });
  if (when === 'binding') a.bind(0);
  if (when === 'bound') a.bind(0, () => controller.abort());
  else controller.abort();
  o.log('after abort', controller.signal.aborted);
}
