// Sends to one destination (connected) or to two in turn.
//   send.js ports=1[,2] size=64 [mode=plain|callback|alternate]
"use strict";
const dgram = require("dgram");
const measure = require("./measure");

const HOST = "127.0.0.1", IN_FLIGHT = 256, GROUP = 256;

const options = measure.arguments();
const message = Buffer.alloc(options.size, "x");
const socket = dgram.createSocket("udp4");
const tick = measure.ticker(options);
let count = 0;

// A group of messages a turn of the loop, no callback.
const plain = () => {
  for (let i = 0; i < GROUP; i++) socket.send(message);
  count += GROUP;
  tick(count - socket.getSendQueueCount());
  setImmediate(plain);
};

// The same, each message to the next of two destinations.
const alternate = () => {
  for (let i = 0; i < GROUP; i++) socket.send(message, options.list[i % 2], HOST);
  count += GROUP;
  tick(count - socket.getSendQueueCount());
  setImmediate(alternate);
};

// A callback a message; each sends the next. No timer runs meanwhile.
const callback = () => {
  const again = () => {
    if (++count % 1024 === 0) tick(count);
    socket.send(message, again);
  };
  for (let i = 0; i < IN_FLIGHT; i++) socket.send(message, again);
};

if (options.mode === "alternate") {
  socket.bind(0, HOST, alternate);
} else {
  const run = options.mode === "callback" ? callback : plain;
  socket.connect(options.list[0], HOST, run);
}
