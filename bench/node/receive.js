// Receives on any number of sockets and counts 'message' events.
//   receive.js sockets=1
"use strict";
const dgram = require("dgram");
const measure = require("./measure");

const options = measure.arguments();
const tick = measure.ticker(options);
const ports = [];
let count = 0;

for (let i = 0; i < options.sockets; i++) {
  const socket = dgram.createSocket("udp4");
  socket.on("message", () => { count++; });
  socket.bind(0, "127.0.0.1", () => {
    ports.push(socket.address().port);
    if (ports.length < options.sockets) return;
    console.log(`ports=${ports.join(",")}`);
    setInterval(() => tick(count), 10);
  });
}
