// An echo server; the load generator measures it.
"use strict";
const server = require("dgram").createSocket("udp4");

server.on("message", (message, { port, address }) => {
  server.send(message, port, address);
});
server.bind(0, "127.0.0.1", () => {
  console.log(`ports=${server.address().port}`);
});
