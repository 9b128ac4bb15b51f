// Subnets of every kind, ranges of one, a family that differs.
'use strict';
const o = require('./log');

const list = new o.BlockList();
o.call(list, 'addSubnet', '203.0.113.77', 32);
o.call(list, 'addRange', '192.0.2.5', '192.0.2.5');
o.call(list, 'addSubnet', '10.1.2.3', 9);
for (const address of ['203.0.113.77', '203.0.113.78', '192.0.2.5',
  '192.0.2.6', '10.127.255.255', '10.128.0.0', 'no address', ''])
  o.call(list, 'check', address);
o.call(list, 'check', '192.0.2.5', 'ipv6');
o.call(list, 'check', '::ffff:c000:205', 'ipv6');
// A rule for IPv6 holds for IPv4 by its mapped address: ::/1 has 128.0.0.1.
const all = new o.BlockList();
o.call(all, 'addSubnet', '1.2.3.4', 1);
o.call(all, 'addSubnet', '::', 1, 'ipv6');
for (const [address, family] of [['127.0.0.1', 'ipv4'], ['128.0.0.1', 'ipv4'],
  ['7fff::', 'ipv6'], ['8000::', 'ipv6']])
  o.call(all, 'check', address, family);
// A range for IPv6 holds for IPv4 only if both its ends are mapped addresses.
const ranges = new o.BlockList();
o.call(ranges, 'addRange', '::', '::ffff:1.2.3.4', 'ipv6');
o.call(ranges, 'check', '1.2.3.4', 'ipv4');
o.call(ranges, 'check', '::ffff:1.2.3.4', 'ipv6');
o.call(ranges, 'addRange', '::ffff:1.2.3.4', '::ffff:1.2.3.5', 'ipv6');
o.call(ranges, 'check', '1.2.3.4', 'ipv4');
o.call(ranges, 'check', '1.2.3.6', 'ipv4');
