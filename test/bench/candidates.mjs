import PartySocket from 'partysocket/ws';
import ReconnectingWebSocket from 'reconnecting-websocket';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { LongSocket } from '../../dist/index.js';
import { RETENTION } from './scenarios.mjs';

/** Compression off, as in a LongSocket by default: the peers construct what they are given without options. */
class Uncompressed extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { perMessageDeflate: false });
  }
}

const urlOf = (port, path) => `ws://127.0.0.1:${port}${path}`;

/** A candidate with the API of a WHATWG WebSocket. Like the others it delivers text as strings, bytes as ArrayBuffers. */
function whatwg(socket) {
  socket.binaryType = 'arraybuffer';
  return {
    opened: new Promise((resolve) => socket.addEventListener('open', resolve, { once: true })),
    send: (data) => socket.send(data),
    onMessage: (listener) => socket.addEventListener('message', (event) => listener(event.data)),
    close: () => socket.close(),
  };
}

/** Retention as large as the credits: they shall be the only bound. */
function longSocket(port, path, options) {
  const socket = new LongSocket(urlOf(port, path), { ...RETENTION, ...options });
  return {
    opened: new Promise((resolve) => socket.once('open', resolve)),
    send: (data) => socket.send(data),
    sendOwned: (data) => socket.send(data, { owned: true }),
    onMessage: (listener) => socket.on('message', listener),
    close: () => socket.close(),
    rotate: () => socket.rotate(),
    onRotated: (listener) => socket.on('rotated', listener),
  };
}

/** Everything that is compared, by the package's name; the first is what the others are divided by. */
export const candidates = {
  ws(port, path) {
    const socket = new Uncompressed(urlOf(port, path), []);
    socket.binaryType = 'arraybuffer';
    socket.on('error', () => {});
    socket.on('close', () => {});
    return {
      opened: new Promise((resolve) => socket.once('open', resolve)),
      send: (data) => socket.send(data),
      // Text arrives as bytes: whoever uses ws decodes it, and so does everything below.
      onMessage: (listener) => socket.on('message', (data, isBinary) => listener(isBinary ? data : data.toString())),
      close: () => socket.close(),
    };
  },
  partysocket: (port, path) => whatwg(new PartySocket(urlOf(port, path), [], { WebSocket: Uncompressed })),
  'reconnecting-websocket': (port, path) =>
    whatwg(new ReconnectingWebSocket(urlOf(port, path), [], { WebSocket: Uncompressed })),
  longsocket: (port, path) => longSocket(port, path),
  'socket.io'(port, path) {
    const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true, query: { path } });
    return {
      opened: new Promise((resolve) => socket.once('connect', resolve)),
      send: (data) => socket.emit('message', data),
      onMessage: (listener) => socket.on('message', listener),
      close: () => socket.close(),
    };
  },
  'longsocket session': (port, path) => longSocket(port, path, { session: true }),
};
