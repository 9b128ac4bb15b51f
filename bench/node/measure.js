// The measured part of a run, for the Node programs: as bench/measure.lua.
"use strict";

// The arguments "key=value" as an object; numbers are numbers.
exports.arguments = () => {
  const result = { warmup: 0.1, time: 0.5, size: 64, sockets: 1 };
  for (const argument of process.argv.slice(2)) {
    const [key, value] = argument.split("=");
    result[key] = isNaN(value) ? value : Number(value);
  }
  result.list = String(result.ports || "").split(",").map(Number);
  return result;
};

const seconds = () => Number(process.hrtime.bigint()) / 1e9;

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

// Returns a function to be called now and then with the count so far.
exports.ticker = ({ warmup, time }) => {
  let opens, first;
  return (messages) => {
    const wall = seconds();
    if (!opens && messages > 0) {
      opens = wall + warmup;
    } else if (opens && !first && wall >= opens) {
      first = { wall, cpu: cpu(), messages };
    } else if (first && wall - first.wall >= time) {
      console.log(`messages=${messages - first.messages} ` +
        `seconds=${wall - first.wall} cpu=${cpu() - first.cpu}`);
      process.exit(0);
    }
  };
};
