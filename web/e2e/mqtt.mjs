// Says many small things to a broker over one connection (MQTT 3.1.1, at most once): what a shell's `mosquitto_pub` is too slow for.
import { connect } from "node:net";

function text(words) {
  const bytes = Buffer.from(words);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

function packet(kind, body) {
  const length = [];
  let rest = body.length;
  do {
    length.push((rest % 128) | (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([kind, ...length]), body]);
}

/** Connects; gives back how to say something and how to leave. */
export async function speaker(port, name) {
  const socket = connect(port, "127.0.0.1");
  const greeting = Buffer.concat([text("MQTT"), Buffer.from([4, 2, 0, 60]), text(name)]);
  socket.write(packet(0x10, greeting));
  await new Promise((resolve, reject) => {
    socket.once("data", (answer) => (answer[0] === 0x20 && answer[3] === 0 ? resolve() : reject(new Error("the broker refuses"))));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the broker hangs up")));
  });
  return {
    say: (topic, payload) => socket.write(packet(0x30, Buffer.concat([text(topic), Buffer.from(payload)]))),
    leave: () => socket.end(packet(0xe0, Buffer.alloc(0))),
  };
}
