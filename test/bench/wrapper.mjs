/**
 * What a wrapper itself costs, over a connection in memory: nanoseconds per message sent and received, less what the bare
 * connection costs. One candidate, in a process of its own.
 */
import PartySocket from 'partysocket/ws';
import ReconnectingWebSocket from 'reconnecting-websocket';
import { LongSocket } from '../../dist/index.js';

const [, , name] = process.argv;
const COUNT = 500_000;
const DATA = 'x'.repeat(64);

let sent = 0;
let received = 0;

/** Reports open in the next microtask; delivers to whoever listens. */
class MemoryWebSocket {
  static last;
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;
  readyState = 0;
  bufferedAmount = 0;
  protocol = '';
  extensions = '';
  url = '';
  binaryType = 'blob';
  listeners = { open: [], message: [], close: [], error: [] };

  constructor() {
    MemoryWebSocket.last = this;
    queueMicrotask(() => {
      this.readyState = 1;
      this.dispatch(new Event('open'));
    });
  }
  addEventListener(type, listener) {
    this.listeners[type].push(listener);
  }
  removeEventListener() {}
  dispatch(event) {
    for (const listener of this.listeners[event.type]) listener(event);
  }
  send() {
    sent++;
  }
  close() {}
}

function whatwg(socket, event) {
  socket.addEventListener('message', () => received++);
  return { send: () => socket.send(DATA), receive: () => MemoryWebSocket.last.dispatch(event) };
}

const subjects = {
  none() {
    const event = new MessageEvent('message', { data: DATA });
    return whatwg(new MemoryWebSocket(), event);
  },
  partysocket() {
    const event = new MessageEvent('message', { data: DATA });
    return whatwg(new PartySocket('ws://localhost', [], { WebSocket: MemoryWebSocket }), event);
  },
  'reconnecting-websocket'() {
    const event = new MessageEvent('message', { data: DATA });
    return whatwg(new ReconnectingWebSocket('ws://localhost', [], { WebSocket: MemoryWebSocket }), event);
  },
  longsocket() {
    const { socket, peer } = longSocket({});
    return { send: () => socket.send(DATA), receive: () => peer.deliver(DATA) };
  },
  'longsocket session'() {
    const { socket, peer } = longSocket({ session: true });
    const send = () => {
      socket.send(DATA);
      // As the other end does, once in 32 messages.
      if (sent % 32 === 0) peer.deliver(`\u0010A${sent}`);
    };
    return { send, receive: () => peer.deliver(DATA) };
  },
};

const WELCOME = '\u0010W{"s":"id","k":"key","r":0,"c":0,"f":1,"t":120000,"h":25000,"b":1048576,"z":104857600}';

function longSocket(options) {
  const peer = { deliver() {} };
  const nothing = () => {};
  const dial = ({ id, protocols }, report) => {
    peer.deliver = (data) => report({ type: 'message-received', id, data });
    const protocol = protocols.at(-1) ?? '';
    queueMicrotask(() => report({ type: 'connection-open', id, canPing: true, protocol }));
    const send = (data) => {
      if (typeof data !== 'string' || !data.startsWith('\u0010')) sent++;
      else if (data.startsWith('\u0010H')) queueMicrotask(() => peer.deliver(WELCOME));
    };
    return { send, ping: nothing, close: nothing, terminate: nothing, bufferedAmount: 0, protocol, url: '' };
  };
  const socket = new LongSocket('ws://localhost', { ...options, dial });
  socket.on('message', () => received++);
  return { socket, peer };
}

/** The best of several runs: what disturbs only adds. */
function time(call) {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 7; run++) {
    const begin = performance.now();
    for (let i = 0; i < COUNT; i++) call();
    best = Math.min(best, performance.now() - begin);
  }
  return (best / COUNT) * 1e6;
}

const subject = subjects[name]();
await new Promise((resolve) => setTimeout(resolve, 50));
const result = { send: time(subject.send), receive: time(subject.receive) };
if (sent !== 7 * COUNT || received !== 7 * COUNT) throw new Error(`${name}: ${sent} sent, ${received} received`);
process.send(result);
process.exit();
