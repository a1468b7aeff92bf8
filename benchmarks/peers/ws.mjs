// Node's ws, with the broadcast of its documentation, by room.
import { createRequire } from "node:module";
const { WebSocketServer, WebSocket } = createRequire(process.env.NODE_MODULES + "/")("ws");

const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false });

server.on("connection", (socket, request) => {
  socket.on("error", () => {});
  if (request.url === "/") {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    return;
  }
  const members = rooms.get(request.url) ?? new Set();
  rooms.set(request.url, members.add(socket));
  socket.on("message", (data, isBinary) => {
    for (const member of members) if (member.readyState === WebSocket.OPEN) member.send(data, { binary: isBinary });
  });
  socket.on("close", () => members.delete(socket));
});
