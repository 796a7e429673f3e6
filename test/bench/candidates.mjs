import PartySocket from 'partysocket/ws';
import ReconnectingWebSocket from 'reconnecting-websocket';
import WebSocket from 'ws';
import * as longsocket from '../../dist/index.js';

/** Compression off, as in a LongSocket by default: the peers construct what they are given without options. */
class Uncompressed extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { perMessageDeflate: false });
  }
}

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

/** Everything that is compared, by the package's name; the first is what the others are divided by. */
export const candidates = {
  ws(url) {
    const socket = new Uncompressed(url, []);
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
  partysocket: (url) => whatwg(new PartySocket(url, [], { WebSocket: Uncompressed })),
  'reconnecting-websocket': (url) => whatwg(new ReconnectingWebSocket(url, [], { WebSocket: Uncompressed })),
  longsocket(url, options) {
    const socket = new longsocket.LongSocket(url, options);
    return {
      opened: new Promise((resolve) => socket.once('open', resolve)),
      send: (data) => socket.send(data),
      onMessage: (listener) => socket.on('message', listener),
      close: () => socket.close(),
    };
  },
};
