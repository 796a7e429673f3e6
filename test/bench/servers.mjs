/**
 * The other end of a candidate, by the candidate's name; those without an entry of their own talk to plain `ws`. Each
 * listens, calls `onSocket(path, socket)` with the same few functions for every connection, and resolves with its port,
 * `broadcast` to sockets of its own kind, and `heartbeat`, which begins to watch the connections where that is not a default.
 */
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { WebSocketServer } from 'ws';
import { RETENTION } from './scenarios.mjs';

const host = '127.0.0.1';

const nothing = () => {};

export const servers = {
  async ws(onSocket) {
    const server = new WebSocketServer({ host, port: 0, perMessageDeflate: false });
    server.on('connection', (socket, { url }) => {
      socket.on('error', nothing);
      socket.binaryType = 'arraybuffer'; // As at the clients, and at a LongSocket by default.
      onSocket(url, {
        send: (data) => socket.send(data),
        onMessage: (listener) => socket.on('message', (data, isBinary) => listener(isBinary ? data : data.toString())),
        socket,
        writeRaw: (chunk) => socket._socket.write(chunk),
      });
    });
    await new Promise((resolve) => server.once('listening', resolve));
    return {
      port: server.address().port,
      broadcast(sockets, data) {
        for (const socket of sockets) socket.send(data);
      },
      /** The recipe of its README: a ping for all every 25 s, and whoever did not answer the last one is dead. */
      heartbeat() {
        const alive = Symbol('alive');
        const onPong = function () {
          this[alive] = true;
        };
        for (const socket of server.clients) {
          socket[alive] = true;
          socket.on('pong', onPong);
        }
        setInterval(() => {
          for (const socket of server.clients) {
            if (!socket[alive]) socket.terminate();
            socket[alive] = false;
            socket.ping();
          }
        }, 25_000);
      },
    };
  },

  async 'socket.io'(onSocket) {
    const server = createServer();
    const io = new Server(server, { transports: ['websocket'], serveClient: false, connectionStateRecovery: {} });
    io.on('connection', (socket) => {
      onSocket(socket.handshake.query.path, {
        send: (data) => socket.emit('message', data),
        onMessage: (listener) => socket.on('message', listener),
        socket,
      });
    });
    await new Promise((resolve) => server.listen(0, host, resolve));
    return {
      port: server.address().port,
      broadcast: (_, data) => io.emit('message', data),
      heartbeat: nothing,
    };
  },

  async 'longsocket session'(onSocket) {
    const { LongSocketServer } = await import('../../dist/server.js');
    const server = new LongSocketServer({ host, port: 0, ...RETENTION });
    server.on('connection', (socket) => {
      onSocket(socket.request.url, {
        send: (data) => socket.send(data),
        sendOwned: (data) => socket.send(data, { owned: true }),
        onMessage: (listener) => socket.on('message', listener),
        socket,
      });
    });
    await server.listening;
    return {
      port: server.address().port,
      broadcast: (sockets, data) => server.broadcast(sockets, data),
      heartbeat: nothing,
    };
  },
};
