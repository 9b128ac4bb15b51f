// What the scenarios share on Node's side; log.lua is its twin, name by name.
// It prints events, results and errors without times or random ports: a port
// that a named socket is bound to prints as <name>, another random one as
// <port>. Five spellings are made alike, nothing else: undefined and null are
// nil; {} is []; "or an instance of Buffer, TypedArray, or DataView" is left
// out; "an instance of Array" (or Object) is "a table"; "an net.BlockList" is
// "an instance of BlockList".
// Run a scenario by hand: node spec/oracle/NAME.js
'use strict';
const dgram = require('dgram');
const fs = require('fs');

const sockets = new Map(); // socket -> its name in the log
const ports = new Map();   // port -> the name of the socket that has it

// Remembers the port of a named socket, if it has one.
function learn(socket, name) {
  try { ports.set(socket.address().port, name); } catch { /* unbound */ }
}

// The placeholder of a random port; the system's own ports stand as they are.
function portName(port) {
  sockets.forEach((name, socket) => learn(socket, name));
  if (ports.has(port)) return `<${ports.get(port)}>`;
  return port < 1024 ? String(port) : '<port>';
}

// A text without random ports and without spellings that only JavaScript has.
function normal(text) {
  return text.replace(/:(\d{4,5})$/, (_, port) => ':' + portName(+port))
    .replace(' or an instance of Buffer, TypedArray, or DataView', '')
    .replace(/Received (undefined|null)/, 'Received nil')
    .replace('an net.BlockList', 'an instance of BlockList')
    .replace(/Received an instance of (Array|Object)/, 'Received a table');
}

// An error: name, code, message and the fields that it has.
function showError(e) {
  const parts = [e.name, e.code ?? '-', JSON.stringify(normal(e.message))];
  for (const key of ['syscall', 'errno', 'address', 'hostname'])
    if (e[key] !== undefined) parts.push(`${key}=${e[key]}`);
  if (e.port !== undefined) parts.push('port=' + portName(e.port));
  return parts.join(' ');
}

// A field of an object.
function showField(key, value) {
  const isPort = key === 'port' && typeof value === 'number';
  return `${key}: ` + (isPort ? portName(value) : show(value));
}

// The text of any value.
function show(value) {
  if (value === undefined || value === null) return 'nil';
  if (sockets.has(value)) return `<${sockets.get(value)}>`;
  if (value instanceof Error) return showError(value);
  if (Buffer.isBuffer(value)) value = value.toString('latin1');
  if (typeof value === 'string')
    return value.length > 60 ? `<${value.length} bytes>` : `'${value}'`;
  if (typeof value === 'function') return 'function';
  if (Number.isNaN(value)) return 'nan';
  if (Math.abs(value) === Infinity) return value > 0 ? 'inf' : '-inf';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  const keys = Object.keys(value).sort();
  if (keys.length === 0) return '[]';
  return `{${keys.map((key) => showField(key, value[key])).join(', ')}}`;
}

let held = [];  // lines that wait for the others of their group
let group = 0;  // how many there will be

// The next count lines may come in any order: they are printed sorted.
function unordered(count) {
  group = count;
}

// Prints a line: a label and values.
function log(label, ...values) {
  held.push([label, ...values.map(show)].join(' ') + '\n');
  if (held.length < group) return;
  fs.writeSync(1, held.sort().join(''));
  [held, group] = [[], 0];
}

// Calls a function; print its result or the error that it throws.
function attempt(label, fn) {
  let result;
  try { result = fn(); } catch (e) { return log(`${label} throws`, e); }
  log(`${label} ->`, result);
}

// Calls a method; print the call and its result or the error that it throws.
function call(object, method, ...args) {
  const text = (arg) => (ports.has(arg) ? portName(arg) : show(arg));
  attempt(`${method}(${args.map(text).join(', ')})`,
    () => object[method](...args));
}

// A send or connect callback that prints the error or the number of bytes.
function done(label) {
  return (err, bytes) => log(label, err ?? bytes);
}

// Gives a socket a name in the log.
function named(name, socket) {
  sockets.set(socket, name);
  return socket;
}

// A socket with a name and not one listener.
function bare(name, ...args) {
  return named(name, dgram.createSocket(...args));
}

// A socket with a name that prints all of its events.
function socket(name, ...args) {
  const made = bare(name, ...args);
  made.on('listening', () => { learn(made, name); log(`${name} listening`); });
  made.on('message', (...all) => log(`${name} message`, ...all));
  for (const event of ['connect', 'close', 'error'])
    made.on(event, (...all) => log(`${name} ${event}`, ...all));
  return made;
}

// A printing socket that is bound to the loopback address, and its port.
function bound(name, type, fn) {
  const made = socket(name, type);
  made.bind(0, type === 'udp4' ? '127.0.0.1' : '::1',
    () => fn(made, made.address().port));
}

// Calls fn for udp4 and, when that calls its second argument, for udp6.
function both(fn) {
  fn('udp4', () => fn('udp6', () => {}));
}

// Calls fn at the count-th message of a socket.
function messages(socket, count, fn) {
  socket.on('message', () => { if (--count === 0) fn(); });
}

// A resolver for the option `lookup`: prints its calls, knows these names.
function lookup(names) {
  return (host, family, callback) => {
    log('lookup', host, family);
    const address = names[host] ?? host;
    const err = address === 'fails' ? new Error('no such host') : null;
    setTimeout(() => callback(err, err ? undefined : address, family), 1);
  };
}

// A multicast group that nobody else on this machine is in: a socket bound to
// every address hears the groups of others too.
function ownGroup() {
  const { pid } = process;
  return `239.${(pid >> 16) & 255}.${(pid >> 8) & 255}.${pid & 255}`;
}

// Calls fn later, when all that is pending at this moment has run.
function after(ms, fn) {
  return setTimeout(fn, ms);
}

// Node runs its loop by itself.
function run() {}

const atExit = () => { group = 0; log('exit'); };
process.on('exit', atExit);
// An error that nobody catches ends the process as luv ends it.
process.on('uncaughtException', (e) => {
  fs.writeSync(2, `Uncaught Error: ${e.name}: ${e.message}\n`);
  process.off('exit', atExit);
  process.exit(1);
});

module.exports = { dgram, log, unordered, attempt, call, done, named, bare,
  socket, bound, both, messages, lookup, ownGroup, after,
  run, show, AbortController,
  BlockList: require('net').BlockList,
  errorMonitor: require('events').errorMonitor,
  wrapped: (listener) => listener.listener };
