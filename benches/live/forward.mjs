// Sends each line of standard input to every client, as one would write it first.
import { createInterface } from "node:readline";
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 }, () => console.log(server.address().port));
createInterface({ input: process.stdin }).on("line", (line) => {
  for (const client of server.clients) client.send(line);
});
