/** The other entries of the package. */
import { LongSocket } from 'longsocket';
import { ReconnectingWebSocket } from 'longsocket/compat';
import { json, requests } from 'longsocket/messages';
import { readable, writable } from 'longsocket/streams';
import { SimulatedNetwork, seededRandom, VirtualClock } from 'longsocket/testing';
import { WebSocket } from 'longsocket/websocket';
import { assert, type Case, equal, type Tools, until } from '../harness.js';

/** A drop-in's events, as text, from the beginning. */
function logOf(tools: Tools, socket: WebSocket): string[] {
  const log: string[] = [];
  tools.finally(() => socket.close());
  socket.addEventListener('open', () => log.push('open'));
  socket.addEventListener('message', ({ data }) =>
    log.push(`message ${typeof data === 'string' ? data : data.byteLength}`),
  );
  socket.addEventListener('error', () => log.push('error'));
  socket.addEventListener('close', ({ code, reason, wasClean }) => log.push(`close ${code} ${reason} ${wasClean}`));
  return log;
}

export const entries: readonly Omit<Case, 'group'>[] = [
  {
    name: 'longsocket/websocket passes for a WebSocket: constants, states, events, codes',
    async run(tools) {
      const room = await tools.room();
      const socket = new WebSocket(room.url(), ['first.v1', 'second.v2']);
      const log = logOf(tools, socket);
      equal(
        [socket.readyState, WebSocket.OPEN, socket.CLOSED, socket.binaryType],
        [0, 1, 3, 'blob'],
        'what it begins with',
      );
      socket.binaryType = 'arraybuffer';
      await until(() => socket.readyState === 1, 'the connection');
      equal([socket.protocol, socket.url], ['first.v1', room.url()], 'protocol and url');
      socket.send('text');
      socket.send(new Uint8Array([1, 2, 3]));
      await until(() => log.length === 3, 'the echoes');
      socket.close(3001, 'bye');
      equal(socket.readyState, 2, 'readyState behind close()');
      await until(() => socket.readyState === 3, 'the end');
      await until(() => log.length === 4, 'the close event');
      equal(log, ['open', 'message text', 'message 3', 'close 3001 bye true'], 'the events');
    },
  },
  {
    name: 'longsocket/websocket is one connection, or survives with a session',
    async run(tools) {
      const room = await tools.room();
      const plain = logOf(tools, new WebSocket(room.url()));
      const socket = new WebSocket(room.url('/session'), [], { session: true, backoffBase: 10 });
      const surviving = logOf(tools, socket);
      await until(() => plain.length === 1 && surviving.length === 1, 'both connections');
      await room.do('cut');
      socket.send('still here');
      const ended = (): boolean => plain.at(-1)?.startsWith('close') === true && surviving.length === 2;
      await until(ended, () => `the end of one, and the echo of the other: ${plain}; ${surviving}`);
      // Platforms differ in whether a cut is an error.
      const events = plain.filter((event) => event !== 'error');
      equal(events, ['open', 'close 1006  false'], 'the events of the plain one');
      equal(surviving, ['open', 'message still here'], 'the events of the one with a session');
      assert((await room.seen()).open >= 1, 'it has no connection');
    },
  },
  {
    name: 'longsocket/streams: what is written arrives once and in order over cuts, and reading ends with the socket',
    async run(tools) {
      const room = await tools.room();
      const socket = tools.socket(room.url('/session'), { session: true, backoffBase: 10, minUptime: 0 });
      const [writer, reader] = [writable(socket).getWriter(), readable(socket).getReader()];
      const sent = Array.from({ length: 200 }, (_, n) => `${n}`);
      const writing = (async () => {
        for (const message of sent) {
          await writer.write(message);
          if (message === '50' || message === '150') await room.do('cut');
        }
        await writer.close();
      })();
      const got: unknown[] = [];
      while (got.length < sent.length) got.push((await reader.read()).value);
      await writing;
      equal(got, sent, 'what came back');
      socket.close();
      equal((await reader.read()).done, true, 'the end');
    },
  },
  {
    name: 'longsocket/messages: JSON both ways, and what is none is a typed error with what came',
    async run(tools) {
      const room = await tools.room();
      const socket = new LongSocket<unknown, unknown>(room.url(), { codec: json() });
      tools.finally(() => socket.close());
      const [got, errors]: [unknown[], unknown[]] = [[], []];
      socket.on('message', (message) => got.push(message));
      socket.on('error', ({ code, data }) => errors.push([code, data]));
      await socket.opened;
      socket.send({ text: '🧦', list: [1, null] });
      await until(() => got.length === 1, 'the echo');
      await room.do('say', { count: 1, size: 3 });
      await until(() => errors.length === 1, 'the error');
      equal(got, [{ text: '🧦', list: [1, null] }], 'the messages');
      equal(errors, [['INVALID_MESSAGE', '0..']], 'the errors');
    },
  },
  {
    name: 'longsocket/messages: requests are answered over a cut',
    async run(tools) {
      const room = await tools.room();
      const socket = tools.socket(room.url('/session/doubles'), { session: true, backoffBase: 10, minUptime: 0 });
      const calls = requests<{ number: number }, number>(socket);
      equal(await calls.request({ number: 21 }, { timeout: 20_000 }), 42, 'an answer');
      await room.do('cut');
      const answers = await Promise.all([1, 2, 3].map((number) => calls.request({ number }, { timeout: 20_000 })));
      equal(answers, [2, 4, 6], 'answers behind the cut');
    },
  },
  {
    name: 'longsocket/compat stands in for reconnecting-websocket',
    async run(tools) {
      const room = await tools.room();
      const socket = new ReconnectingWebSocket(() => Promise.resolve(room.url()), 'first.v1', {
        minReconnectionDelay: 10,
        maxReconnectionDelay: 50,
      });
      tools.finally(() => socket.close());
      const log: string[] = [];
      const errors: string[] = [];
      socket.addEventListener('open', () => log.push('open'));
      socket.addEventListener('message', ({ data }) => log.push(`message ${data}`));
      socket.addEventListener('close', ({ code }) => log.push(`close ${code}`));
      socket.addEventListener('error', ({ message }) => errors.push(message));
      socket.send('waits');
      await until(
        () => log.length === 2,
        () => `the echo; there was ${log}, ${errors}`,
      );
      equal([socket.readyState, socket.protocol, socket.retryCount], [1, 'first.v1', 0], 'what it is now');
      await room.do('cut');
      await until(() => log.length === 4, 'the next connection');
      equal(log, ['open', 'message waits', 'close 1006', 'open'], 'the events');
    },
  },
  {
    name: 'longsocket/testing: an hour of faults passes in no time',
    async run() {
      const clock = new VirtualClock();
      const network = new SimulatedNetwork({ clock, latency: 20 });
      network.serve((connection) => {
        connection.onmessage = (data) => connection.send(`you said: ${data}`);
      });
      const socket = new LongSocket('ws://anywhere', {
        clock,
        random: seededRandom(1),
        dial: network.dial,
        heartbeat: { message: 'ping' },
      });
      clock.advance(1000);
      network.silence();
      const causes: unknown[] = [];
      socket.on('interrupted', ({ cause }) => causes.push(cause));
      clock.advance(3_600_000);
      equal(causes, ['dead-peer'], 'interruptions');
      socket.close();
      clock.advance(1000);
      equal([clock.timers, network.open], [0, 0], 'timers and connections left');
    },
  },
];
