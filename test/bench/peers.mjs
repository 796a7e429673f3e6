/**
 * Both ends of what is compared under faults, each with its defaults, and used as its documentation says: `serve(onMessage)` resolves with
 * `{ port, publish, close }`, `dial(port, onMessage)` returns `{ send, close }`. `publish` is for every client there is, or is away.
 * What an end cannot take at the moment is lost, unless it says so by throwing: then `send` and `publish` return false.
 */
import { createServer } from 'node:http';
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer as serveOver } from 'graphql-ws/use/ws';
import PartySocket from 'partysocket/ws';
import ReconnectingWebSocket from 'reconnecting-websocket';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import WebSocket, { WebSocketServer } from 'ws';
import { LongSocket } from '../../dist/index.js';
import { LongSocketServer } from '../../dist/server.js';

const host = '127.0.0.1';
const urlOf = (port) => `ws://${host}:${port}`;
const nothing = () => {};

async function serveWs(onMessage) {
  const server = new WebSocketServer({ host, port: 0 });
  server.on('connection', (socket) => {
    socket.on('error', nothing);
    socket.on('message', (data, isBinary) => onMessage(isBinary ? data : data.toString()));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    port: server.address().port,
    publish(data) {
      for (const socket of server.clients) if (socket.readyState === WebSocket.OPEN) socket.send(data);
    },
    close: () => server.close(),
  };
}

/** What one writes without a library: another one, a second after the end. */
function dialAgain(port, onMessage) {
  let socket;
  let timer;
  let over = false;
  const dial = () => {
    socket = new WebSocket(urlOf(port));
    socket.on('error', nothing);
    socket.on('message', (data, isBinary) => onMessage(isBinary ? data : data.toString()));
    socket.on('close', () => {
      if (!over) timer = setTimeout(dial, 1000);
    });
  };
  dial();
  return {
    send: (data) => socket.readyState === WebSocket.OPEN && socket.send(data),
    close() {
      over = true;
      clearTimeout(timer);
      socket.terminate();
    },
  };
}

function dialWhatwg(Socket) {
  return (port, onMessage) => {
    const socket = new Socket(urlOf(port), [], { WebSocket });
    socket.addEventListener('error', nothing);
    socket.addEventListener('message', ({ data }) => onMessage(data));
    return { send: (data) => socket.send(data), close: () => socket.close() };
  };
}

/** Whether it was taken. */
function taken(send) {
  try {
    send();
    return true;
  } catch (error) {
    if (error.code !== 'QUOTA_EXCEEDED') throw error;
    return false;
  }
}

function dialLong(options) {
  return (port, onMessage) => {
    const socket = new LongSocket(urlOf(port), options);
    socket.on('message', onMessage);
    return { send: (data) => taken(() => socket.send(data)), close: () => socket.close() };
  };
}

async function serveSessions(onMessage) {
  const server = new LongSocketServer({ host, port: 0 });
  server.on('connection', (socket) => socket.on('message', onMessage));
  await server.listening;
  return {
    port: server.address().port,
    publish: (data) =>
      taken(() => {
        for (const socket of server.sockets) socket.send(data);
      }),
    close: () => server.close(),
  };
}

function serveIo(options) {
  return async (onMessage) => {
    const http = createServer();
    const server = new Server(http, { serveClient: false, ...options });
    server.on('connection', (socket) =>
      socket.on('message', (data, acknowledge) => {
        onMessage(data);
        acknowledge?.();
      }),
    );
    await new Promise((resolve) => http.listen(0, host, resolve));
    return { port: http.address().port, publish: (data) => server.emit('message', data), close: () => server.close() };
  };
}

function dialIo(options) {
  return (port, onMessage) => {
    const socket = io(`http://${host}:${port}`, { transports: ['websocket'], forceNew: true, ...options });
    socket.on('message', (data) => onMessage(data));
    return { send: (data) => socket.emit('message', data), close: () => socket.close() };
  };
}

const text = { type: GraphQLString };
/** A subscription for what comes down, a mutation for each message that goes up. */
function schema(onMessage, subscribe) {
  const say = { ...text, args: { data: text }, resolve: (_, { data }) => void onMessage(data) };
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { none: text } }),
    mutation: new GraphQLObjectType({ name: 'Mutation', fields: { say } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: { messages: { ...text, subscribe, resolve: (data) => data } },
    }),
  });
}

async function serveGraphql(onMessage) {
  const subscribers = new Set();
  async function* subscribe() {
    const waiting = [];
    let wake = nothing;
    const subscriber = (data) => {
      waiting.push(data);
      wake();
    };
    subscribers.add(subscriber);
    try {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift();
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      subscribers.delete(subscriber);
    }
  }
  const server = new WebSocketServer({ host, port: 0 });
  serveOver({ schema: schema(onMessage, subscribe) }, server);
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    port: server.address().port,
    publish(data) {
      for (const subscriber of subscribers) subscriber(data);
    },
    close: () => server.close(),
  };
}

function dialGraphql(port, onMessage) {
  const client = createClient({ url: urlOf(port), webSocketImpl: WebSocket, lazy: false, onNonLazyError: nothing });
  const sink = { error: nothing, complete: nothing };
  client.subscribe(
    { query: 'subscription { messages }' },
    { ...sink, next: ({ data }) => data && onMessage(data.messages) },
  );
  const query = 'mutation($data: String) { say(data: $data) }';
  return {
    send: (data) => client.subscribe({ query, variables: { data } }, { ...sink, next: nothing }),
    close: () => client.dispose(),
  };
}

/** By name; `binary`: takes bytes as well as text. */
export const peers = {
  'ws, redialed after 1 s': { serve: serveWs, dial: dialAgain, binary: true },
  partysocket: { serve: serveWs, dial: dialWhatwg(PartySocket), binary: true },
  'reconnecting-websocket': { serve: serveWs, dial: dialWhatwg(ReconnectingWebSocket), binary: true },
  'graphql-ws': { serve: serveGraphql, dial: dialGraphql, binary: false },
  'socket.io': { serve: serveIo({}), dial: dialIo({}), binary: true },
  'socket.io, recovery': { serve: serveIo({ connectionStateRecovery: {} }), dial: dialIo({}), binary: true },
  'socket.io, recovery, retries': {
    serve: serveIo({ connectionStateRecovery: {} }),
    dial: dialIo({ retries: 10, ackTimeout: 10_000 }),
    binary: true,
  },
  longsocket: { serve: serveWs, dial: dialLong({}), binary: true },
  'longsocket, session': { serve: serveSessions, dial: dialLong({ session: true }), binary: true },
};
