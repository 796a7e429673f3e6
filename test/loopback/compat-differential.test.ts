/** The same programs over reconnecting-websocket, partysocket and `longsocket/compat`, against a real server: what is told, and in which order. */
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import WebSocket from 'ws';
import { ReconnectingWebSocket } from '../../src/compat.js';
import type { Difference } from '../compat/differences.js';
import {
  type AnyClass,
  type AnySocket,
  type Library,
  Log,
  libraries,
  type SharedOptions,
} from '../compat/libraries.js';
import { listenRaw } from '../helpers/raw-server.js';
import { closeOf, WsServer } from '../helpers/ws-server.js';

/** Nobody listens there. */
const NOBODY = 'ws://127.0.0.1:1/';

interface World {
  readonly Class: AnyClass;
  readonly log: Log;
  readonly server: WsServer;
  /** A socket with short waits whose events are logged; it is closed behind the test. */
  make(url?: unknown, protocols?: unknown, options?: SharedOptions): AnySocket;
}

type Theirs = Partial<Record<Library, readonly [why: Difference, lines: readonly string[] | 'cannot run']>>;

/** Runs a program over all three. Who is not in `theirs` does exactly as we do; who is does what stands there. */
function scenario(
  title: string,
  run: (world: World) => Promise<void>,
  ours: readonly string[],
  theirs: Theirs = {},
): void {
  describe(title, () => {
    for (const library of Object.keys(libraries) as Library[]) {
      const [why, lines] = theirs[library] ?? [];
      if (lines === 'cannot run') continue;
      test(why ? `${library} (${why})` : library, async () => {
        const log = await logOf(library, run);
        expect(log).toEqual(lines ?? ours);
        if (lines) expect(lines).not.toEqual(ours);
      });
    }
  });
}

async function logOf(library: Library, run: (world: World) => Promise<void>): Promise<string[]> {
  const Class = libraries[library];
  const log = new Log();
  const made: AnySocket[] = [];
  onTestFinished(() => {
    for (const socket of made) socket.close();
  });
  const server = await WsServer.listen({ ws: { handleProtocols: (protocols) => [...protocols][0] ?? false } });
  const make: World['make'] = (url = server.url, protocols, options) => {
    const short = { WebSocket, minReconnectionDelay: 10, maxReconnectionDelay: 50 };
    const socket = new Class(url, protocols, { ...short, ...options });
    made.push(socket);
    log.listen(socket);
    return socket;
  };
  await run({ Class, log, server, make });
  return log.lines;
}

/** Long enough for what must not happen to happen. */
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** As `log.until`, and gives up for those with whom it never happens. */
const eventually = (log: Log, start: string, times = 1): Promise<void> =>
  Promise.race([log.until(start, times), pause(1500)]);

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

// --- connections -----------------------------------------------------------------------------------------------------

scenario(
  'a connection, an echo, and the server that closes it; then another',
  async ({ make, log, server }) => {
    const socket = make();
    log.push('state', socket.readyState, socket.url, socket.protocol, socket.extensions);
    await log.until('open');
    log.push('state', socket.readyState, socket.url === server.url, socket.retryCount);
    socket.send('hello');
    await log.until('message');
    (await server.socket()).close(4001, 'enough');
    await log.until('open', 2);
    log.push('state', socket.readyState, socket.retryCount);
  },
  ['state 0   ', 'open', 'state 1 true 0', 'message hello', 'close 4001 "enough" clean', 'open', 'state 1 1'],
);

scenario(
  'a server that vanishes',
  async ({ make, log, server }) => {
    make();
    await log.until('open');
    (await server.socket()).terminate();
    await log.until('open', 2);
  },
  ['open', 'close 1006 "" unclean', 'open'],
  { partysocket: ['honest wasClean', ['open', 'close 1006 "unknown reason" clean', 'open']] },
);

for (const [code, reason] of [
  [1000, ''],
  [1001, 'going'],
  [1008, 'policy'],
  [1011, 'broken'],
  [1013, 'later'],
] as const) {
  scenario(
    `a server that closes with ${code}: it comes back whatever the code`,
    async ({ make, log, server }) => {
      make();
      (await server.socket()).close(code, reason || undefined);
      await log.until('open', 2);
    },
    ['open', `close ${code} ${JSON.stringify(reason)} clean`, 'open'],
    reason === '' ? { partysocket: ['honest wasClean', ['open', 'close 1000 "unknown reason" clean', 'open']] } : {},
  );
}

scenario(
  'on… handlers come first, and stay over connections',
  async ({ make, log, server }) => {
    const socket = make();
    socket.onopen = () => log.push('onopen');
    socket.onmessage = ({ data }: { data: string }) => log.push('onmessage', data);
    socket.onclose = ({ code }: { code: number }) => log.push('onclose', code);
    for (const n of [1, 2]) {
      await log.until('open', n);
      socket.send(`n${n}`);
      await log.until('message', n);
      (await server.socket(n)).close(4000, 'x');
      await log.until('close', n);
    }
    await log.until('open', 3);
    socket.onopen = null;
    socket.onclose = null;
  },
  [
    ...[1, 2].flatMap((n) => [
      ...['onopen', 'open', `onmessage n${n}`, `message n${n}`],
      ...['onclose 4000', 'close 4000 "x" clean'],
    ]),
    'onopen',
    'open',
  ],
);

// --- dials that fail -------------------------------------------------------------------------------------------------

for (const maxRetries of [0, 1, 3]) {
  const attempts = Array.from({ length: maxRetries + 1 }, (_, index) => Math.min(index + 1, maxRetries));
  scenario(
    `nobody listens, maxRetries ${maxRetries}: so many retries, and silence`,
    async ({ make, log }) => {
      const socket = make(NOBODY, undefined, { maxRetries });
      socket.addEventListener('error', ({ message }: { message: string }) =>
        log.push('at', socket.retryCount, /ECONNREFUSED/.test(message)),
      );
      await log.until('at', maxRetries + 1);
      await pause(150);
    },
    attempts.flatMap((n) => ['error', `at ${n} true`, 'close 1006 "" unclean']),
    {
      'reconnecting-websocket': [
        'failed dials are 1006',
        attempts.flatMap((n) => ['close 1000 "" clean', 'error', `at ${n} true`]),
      ],
      partysocket: [
        'failed dials are 1006',
        attempts.flatMap((n) => ['close 1000 "unknown reason" clean', 'error', `at ${n} true`]),
      ],
    },
  );
}

scenario(
  'when it has given up',
  async ({ make, log }) => {
    const socket = make(NOBODY, undefined, { maxRetries: 1 });
    await log.until('close', 2);
    await pause(50);
    log.lines.length = 0;
    log.push(socket.readyState, socket.shouldReconnect);
  },
  ['3 false'],
  { partysocket: ['giving up shows', ['3 true']], 'reconnecting-websocket': ['send() tells', ['3 undefined']] },
);

scenario(
  'when it has given up, reconnect() begins anew',
  async ({ make, log, server }) => {
    let url = NOBODY;
    const socket = make(() => url, undefined, { maxRetries: 1 });
    await log.until('close', 2);
    await pause(50);
    log.lines.length = 0;
    url = server.url;
    socket.reconnect();
    await eventually(log, 'open');
    log.push(socket.retryCount);
  },
  ['open', '0'],
  { 'reconnecting-websocket': ['it comes back', ['0']] },
);

scenario(
  'connectionTimeout, maxRetries 1: two errors that say so',
  async ({ make, log }) => {
    const { url } = await listenRaw();
    const socket = make(url, undefined, { connectionTimeout: 60, maxRetries: 1 });
    socket.addEventListener('error', ({ message }: { message: string }) =>
      log.push('said', message, socket.retryCount),
    );
    await log.until('said', 2);
    await pause(150);
  },
  [1, 1].flatMap((n) => ['error', `said TIMEOUT ${n}`, 'close 1006 "timeout" unclean']),
  {
    'reconnecting-websocket': ['timeouts do not crash', 'cannot run'],
    partysocket: [
      'failed dials are 1006',
      [1, 1].flatMap((n) => ['close 1000 "timeout" clean', 'error', `said TIMEOUT ${n}`]),
    ],
  },
);

scenario(
  'a refusal is no timeout',
  async ({ make, log }) => {
    const socket = make(NOBODY, undefined, { connectionTimeout: 150, maxRetries: 1 });
    socket.addEventListener('error', ({ message }: { message: string }) => log.push('said', message === 'TIMEOUT'));
    await log.until('said', 2);
    await pause(300);
    const said = log.lines.filter((line) => line.startsWith('said'));
    log.lines.splice(0, Number.POSITIVE_INFINITY, ...said);
  },
  ['said false', 'said false'],
);

// --- where to --------------------------------------------------------------------------------------------------------

scenario(
  'url as a function, sync or async, is asked for each dial',
  async ({ make, log, server }) => {
    let calls = 0;
    make(() => `${server.url}sync${++calls}`);
    (await server.socket(1)).close(4000, 'x');
    await server.socket(2);
    make(async () => `${server.url}async${++calls}`);
    await server.socket(3);
    log.lines.length = 0;
    log.push(server.requests.map(({ url }) => url));
  },
  ['["/sync1","/sync2","/async3"]'],
);

scenario(
  'a url function that throws or rejects now and then',
  async ({ make, log, server }) => {
    let calls = 0;
    const url = (): string | Promise<string> => {
      calls++;
      if (calls === 1) throw new Error('first');
      return calls === 2 ? Promise.reject(new Error('second')) : server.url;
    };
    const socket = make(url);
    socket.addEventListener('error', ({ message, error }: ErrorLike) => log.push(message, error.message));
    await log.until('open');
    (await server.socket()).close(4000, 'x');
    calls = 0;
    await log.until('open', 2);
  },
  [
    ...['error', 'first first', 'error', 'second second', 'open'],
    ...['close 4000 "x" clean', 'error', 'first first', 'error', 'second second', 'open'],
  ],
  {
    'reconnecting-websocket': ['providers may fail', 'cannot run'],
    partysocket: [
      'providers may fail',
      [
        ...['error', 'first first', 'error', 'second second', 'open', 'close 4000 "x" clean'],
        ...['close 1000 "unknown reason" clean', 'error', 'first first'],
        ...['close 1000 "unknown reason" clean', 'error', 'second second', 'open'],
      ],
    ],
  },
);

scenario(
  'what is neither text nor a function is no url',
  async ({ make, log }) => {
    const socket = make(123, undefined, { maxRetries: 0 });
    socket.addEventListener('error', ({ message }: ErrorLike) => log.push(message.slice(0, 11)));
    await log.until('Invalid');
  },
  ['error', 'Invalid URL'],
  { 'reconnecting-websocket': ['providers may fail', 'cannot run'] },
);

scenario(
  'a string that is no url is an error, and a retry',
  async ({ make, log }) => {
    make('not a url', undefined, { maxRetries: 1 });
    await log.until('error', 2);
    await pause(100);
  },
  ['error', 'error'],
  { 'reconnecting-websocket': ['providers may fail', 'cannot run'] },
);

for (const [title, protocols, sent, chosen] of [
  ['none', undefined, undefined, ''],
  ['null', null, undefined, ''],
  ['an empty list', [], undefined, ''],
  ['text', 'chat', 'chat', 'chat'],
  ['a list', ['chat', 'news'], 'chat,news', 'chat'],
] as const) {
  scenario(
    `subprotocols: ${title}`,
    async ({ make, log, server }) => {
      const socket = make(undefined, protocols);
      await log.until('open');
      log.push(server.requests[0]?.headers['sec-websocket-protocol'], socket.protocol);
    },
    ['open', `${sent} ${chosen}`],
  );
}

scenario(
  'subprotocols as a function, sync or async, are asked for each dial',
  async ({ make, log, server }) => {
    let calls = 0;
    const socket = make(undefined, () => (++calls === 1 ? ['a', 'b'] : Promise.resolve(calls === 2 ? 'c' : null)));
    for (const n of [1, 2, 3]) {
      await log.until('open', n);
      log.push(socket.protocol);
      if (n < 3) (await server.socket(n)).close(4000, 'x');
    }
  },
  ['open', 'a', 'close 4000 "x" clean', 'open', 'c', 'close 4000 "x" clean', 'open', ''],
  { 'reconnecting-websocket': ['send() tells', 'cannot run'] },
);

// --- sending ---------------------------------------------------------------------------------------------------------

scenario(
  'what was sent before goes out first, in order, ahead of what an open listener sends',
  async ({ make, log, server }) => {
    const socket = make();
    for (const text of ['one', 'two', 'three']) socket.send(text);
    log.push(socket.bufferedAmount);
    socket.addEventListener('open', () => socket.send('ok'));
    await log.until('message', 4);
    log.push(socket.bufferedAmount, server.accepted.length);
  },
  ['11', 'open', 'message one', 'message two', 'message three', 'message ok', '0 1'],
);

scenario(
  'bufferedAmount in the open listener: what goes out behind it counts',
  async ({ make, log }) => {
    const socket = make();
    socket.send('three');
    socket.addEventListener('open', () => log.push(socket.bufferedAmount));
    await log.until('message');
    log.push(socket.bufferedAmount);
  },
  ['open', '5', 'message three', '0'],
  {
    'reconnecting-websocket': ['bytes are bytes', ['open', '0', 'message three', '0']],
    partysocket: ['bytes are bytes', ['open', '0', 'message three', '0']],
  },
);

scenario(
  'maxEnqueuedMessages keeps the first',
  async ({ make, log }) => {
    const socket = make(undefined, undefined, { maxEnqueuedMessages: 2 });
    for (const text of ['one', 'two', 'three', 'four']) socket.send(text);
    log.push(socket.bufferedAmount);
    await log.until('message', 2);
    socket.send('five');
    await log.until('message', 3);
  },
  ['6', 'open', 'message one', 'message two', 'message five'],
);

scenario(
  'the queue outlives giving up, and close()',
  async ({ make, log, server }) => {
    let url = NOBODY;
    const socket = make(() => url, undefined, { maxRetries: 0 });
    socket.send('kept');
    await log.until('close');
    log.push(socket.bufferedAmount);
    socket.close();
    log.push(socket.bufferedAmount);
    url = server.url;
    socket.reconnect();
    await log.until('message');
    log.lines.splice(0, 2);
  },
  ['4', '4', 'open', 'message kept'],
  { 'reconnecting-websocket': ['it comes back', 'cannot run'] },
);

scenario(
  'drainQueuedMessages() takes all out',
  async ({ make, log }) => {
    const socket = make(undefined, undefined, { startClosed: true });
    socket.send('one');
    socket.send(new Uint8Array([2]));
    log.push(...(socket.drainQueuedMessages?.() ?? []));
    log.push(socket.drainQueuedMessages?.(), socket.bufferedAmount);
    socket.reconnect();
    await log.until('open');
    socket.send('three');
    await log.until('message');
  },
  ['one Uint8Array(2)', '[] 0', 'open', 'message three'],
  { 'reconnecting-websocket': ['send() tells', 'cannot run'] },
);

scenario(
  'send() says whether a connection has it',
  async ({ make, log }) => {
    const socket = make(undefined, undefined, { maxEnqueuedMessages: 1 });
    log.push(socket.send('queued'), socket.send('dropped'));
    await log.until('message');
    log.push(socket.send('sent'));
    await log.until('message', 2);
  },
  ['false false', 'open', 'message queued', 'true', 'message sent'],
  {
    'reconnecting-websocket': [
      'send() tells',
      ['undefined undefined', 'open', 'message queued', 'undefined', 'message sent'],
    ],
  },
);

scenario(
  'bytes of all kinds, and a Blob, keep their order',
  async ({ make, log }) => {
    const socket = make();
    const send = (): void => {
      for (const data of [
        new Uint8Array([1]).buffer,
        'two',
        new Blob(['333']),
        new Uint8Array([9, 4]).subarray(1),
        'five',
      ])
        socket.send(data);
    };
    socket.binaryType = 'arraybuffer';
    send();
    log.push(socket.bufferedAmount);
    await log.until('message', 5);
    send();
    await log.until('message', 10);
  },
  [
    '12',
    'open',
    ...[0, 1].flatMap(() =>
      ['ArrayBuffer(1)', 'two', 'ArrayBuffer(51,51,51)', 'ArrayBuffer(4)', 'five'].map((text) => `message ${text}`),
    ),
  ],
);

scenario(
  'a message that is none',
  async ({ make, log }) => {
    const socket = make(undefined, undefined, { startClosed: true });
    for (const data of ['one', { no: 'message' }, 'three']) {
      try {
        socket.send(data);
      } catch (error) {
        log.push((error as Error & { code: string }).code);
      }
    }
    socket.reconnect();
    await log.until('message', 2);
  },
  ['INVALID_MESSAGE', 'open', 'message one', 'message three'],
  {
    'reconnecting-websocket': ['bad messages are refused', 'cannot run'],
    partysocket: ['bad messages are refused', 'cannot run'],
  },
);

scenario(
  'bufferedAmount of text that is not ASCII',
  async ({ make, log }) => {
    const socket = make(undefined, undefined, { startClosed: true });
    socket.send('é€😀');
    log.push(socket.bufferedAmount);
  },
  ['9'],
  { 'reconnecting-websocket': ['bytes are bytes', ['4']], partysocket: ['bytes are bytes', ['4']] },
);

for (const binaryType of ['blob', 'arraybuffer', 'nodebuffer']) {
  scenario(
    `binaryType ${binaryType} holds over connections`,
    async ({ make, log, server }) => {
      const socket = make();
      log.push(socket.binaryType);
      socket.binaryType = binaryType;
      for (const n of [1, 2]) {
        await log.until('open', n);
        log.push(socket.binaryType);
        socket.send(new Uint8Array([7, 8]));
        await log.until('message', n);
        if (n === 1) (await server.socket(1)).close(4000, 'x');
      }
    },
    (() => {
      const shown = { blob: 'Blob(2)', arraybuffer: 'ArrayBuffer(7,8)', nodebuffer: 'Buffer(7,8)' }[binaryType];
      const once = ['open', binaryType, `message ${shown}`];
      return ['blob', ...once, 'close 4000 "x" clean', ...once];
    })(),
  );
}

// --- close() ---------------------------------------------------------------------------------------------------------

scenario(
  'close() in an open connection',
  async ({ make, log, server }) => {
    const socket = make();
    await log.until('open');
    log.push('before');
    socket.close(4005, 'bye');
    log.push('behind', socket.readyState, socket.shouldReconnect);
    await log.until('close');
    socket.close();
    log.push(JSON.stringify(await closeOf(await server.socket())));
    await pause(100);
    expect(server.accepted).toHaveLength(1);
  },
  ['open', 'before', 'close 4005 "bye" clean', 'behind 3 false', '{"code":4005,"reason":"bye"}'],
  {
    'reconnecting-websocket': [
      'close() tells at once',
      ['open', 'before', 'behind 2 undefined', 'close 4005 "bye" clean', '{"code":4005,"reason":"bye"}'],
    ],
  },
);

scenario(
  'close() in the open handler, and again in the close handler',
  async ({ make, log, server }) => {
    const socket = make();
    socket.onopen = () => socket.close(1000, 'x');
    socket.onclose = () => socket.close(1000, 'y');
    await log.until('close');
    await vi.waitFor(() => expect(server.open).toEqual([]));
  },
  // Theirs too: the handler runs first.
  ['close 1000 "x" clean', 'open'],
  { 'reconnecting-websocket': ['close() tells at once', ['open', 'close 1000 "x" clean']] },
);

scenario(
  'close() many times tells once',
  async ({ make, log }) => {
    const socket = make();
    await log.until('open');
    for (const reason of ['first', 'second', 'third']) socket.close(1000, reason);
    await log.until('close');
    await pause(100);
  },
  ['open', 'close 1000 "first" clean'],
);

scenario(
  'close() before the first dial: nothing happens, then or later',
  async ({ make, log, server }) => {
    const socket = make();
    socket.close();
    log.push(socket.readyState);
    await pause(150);
    log.push(socket.readyState, server.requests.length);
  },
  ['3', '3 0'],
  { 'reconnecting-websocket': ['close() tells at once', ['0', '0 0']] },
);

scenario(
  'close() before the first dial, then reconnect()',
  async ({ make, log }) => {
    const socket = make();
    socket.close();
    await pause(50);
    socket.reconnect();
    await eventually(log, 'open');
  },
  ['open'],
  { 'reconnecting-websocket': ['it comes back', []] },
);

scenario(
  'close() while dialing',
  async ({ make, log }) => {
    const raw = await listenRaw();
    const socket = make(raw.url);
    await vi.waitFor(() => expect(raw.sockets).toHaveLength(1));
    socket.close(4000, 'x');
    log.push(socket.readyState);
    await vi.waitFor(() => expect(raw.sockets[0]?.destroyed || raw.sockets[0]?.readableEnded).toBe(true));
    await pause(100);
    expect(raw.sockets).toHaveLength(1);
  },
  ['close 4000 "x" unclean', '3'],
  {
    'reconnecting-websocket': ['close() of a dial is told', ['2', 'close 1000 "" clean', 'error']],
    partysocket: ['close() of a dial is told', ['close 4000 "x" clean', '3']],
  },
);

scenario(
  'close() while waiting for a retry: no more dials, and nothing more to tell',
  async ({ make, log }) => {
    const socket = make(NOBODY, undefined, { minReconnectionDelay: 50 });
    await log.until('error');
    await log.until('close');
    log.lines.length = 0;
    socket.close();
    log.push(socket.readyState, socket.shouldReconnect);
    await pause(200);
  },
  ['3 false'],
  { 'reconnecting-websocket': ['send() tells', ['3 undefined']] },
);

scenario(
  'close() and reconnect() at once',
  async ({ make, log, server }) => {
    const socket = make();
    await log.until('open');
    socket.close(4000, 'x');
    socket.reconnect();
    await log.until('open', 2);
    await vi.waitFor(() => expect(server.open).toHaveLength(1));
  },
  ['open', 'close 4000 "x" clean', 'open'],
  { 'reconnecting-websocket': ['close() tells at once', ['open', 'close 1000 "" clean', 'open']] },
);

for (const code of [1001, 3000, 4999]) {
  scenario(
    `close(${code}) is passed on`,
    async ({ make, log, server }) => {
      const socket = make();
      await log.until('open');
      socket.close(code);
      log.push(JSON.stringify(await closeOf(await server.socket())));
      await log.until('close');
    },
    ['open', `close ${code} "" clean`, `{"code":${code},"reason":""}`],
    {
      'reconnecting-websocket': [
        'close() tells at once',
        ['open', `{"code":${code},"reason":""}`, `close ${code} "" clean`],
      ],
      partysocket: [
        'honest wasClean',
        ['open', `close ${code} "unknown reason" clean`, `{"code":${code},"reason":""}`],
      ],
    },
  );
}

// --- reconnect() -----------------------------------------------------------------------------------------------------

scenario(
  'reconnect() in an open connection closes it, and dials anew',
  async ({ make, log, server }) => {
    const socket = make();
    await log.until('open');
    log.push('before');
    socket.reconnect(4006, 'again');
    log.push('behind', socket.retryCount);
    await log.until('open', 2);
    log.push(JSON.stringify(await closeOf(await server.socket(1))));
    await vi.waitFor(() => expect(server.open).toHaveLength(1));
    expect(server.accepted).toHaveLength(2);
  },
  ['open', 'before', 'close 4006 "again" clean', 'behind 0', 'open', '{"code":4006,"reason":"again"}'],
);

scenario(
  'reconnect() before the first dial changes nothing',
  async ({ make, log, server }) => {
    const socket = make();
    socket.reconnect();
    socket.reconnect();
    await log.until('open');
    await pause(100);
    log.push(server.accepted.length);
  },
  ['open', '1'],
);

scenario(
  'reconnect() in rounds, each with its own reason',
  async ({ make, log }) => {
    const socket = make();
    let round = 0;
    socket.addEventListener('open', () => socket.send(`round ${++round}`));
    socket.addEventListener('message', () =>
      round < 3 ? socket.reconnect(1000, 'reconnect') : socket.close(1000, 'close'),
    );
    await log.until('close 1000 "close"');
  },
  [1, 2, 3].flatMap((n) => ['open', `message round ${n}`, `close 1000 "${n < 3 ? 'reconnect' : 'close'}" clean`]),
);

scenario(
  'reconnect() in the close listener',
  async ({ make, log, server }) => {
    const socket = make(undefined, undefined, { minReconnectionDelay: 10_000, maxReconnectionDelay: 10_000 });
    await log.until('open');
    socket.addEventListener('close', () => socket.reconnect());
    (await server.socket(1)).close(4000, 'x');
    await eventually(log, 'open', 2);
  },
  ['open', 'close 4000 "x" clean', 'open'],
  {
    'reconnecting-websocket': ['reconnect() does not wait', ['open', 'close 4000 "x" clean']],
    partysocket: ['reconnect() does not wait', ['open', 'close 4000 "x" clean']],
  },
);

scenario(
  'startClosed waits for reconnect()',
  async ({ make, log, server }) => {
    const socket = make(undefined, undefined, { startClosed: true });
    log.push(socket.readyState, socket.shouldReconnect, socket.url);
    socket.send('early');
    await pause(100);
    log.push(server.requests.length);
    socket.reconnect();
    await log.until('message');
    log.push(socket.readyState, socket.shouldReconnect);
  },
  ['3 false ', '0', 'open', 'message early', '1 true'],
  {
    'reconnecting-websocket': ['send() tells', ['3 undefined ', '0', 'open', 'message early', '1 undefined']],
  },
);

scenario(
  'reconnect() behind close()',
  async ({ make, log }) => {
    const socket = make();
    for (const n of [1, 2, 3]) {
      await log.until('open', n);
      socket.close(1000, `n${n}`);
      await log.until('close', n);
      if (n < 3) socket.reconnect();
    }
    await pause(100);
  },
  [1, 2, 3].flatMap((n) => ['open', `close 1000 "n${n}" clean`]),
);

scenario(
  'reconnect() while a url function is still at work: the last answer counts',
  async ({ make, log, server }) => {
    const answers: ((url: string) => void)[] = [];
    const socket = make(() => new Promise<string>((resolve) => answers.push(resolve)));
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    socket.reconnect();
    await Promise.race([vi.waitFor(() => expect(answers).toHaveLength(2)), pause(200)]).catch(() => {});
    answers[1]?.(`${server.url}new`);
    answers[0]?.(`${server.url}old`);
    await log.until('open');
    log.push(server.requests.map(({ url }) => url));
  },
  ['open', '["/new"]'],
  {
    'reconnecting-websocket': ['the last url wins', ['open', '["/old"]']],
    partysocket: ['the last url wins', ['open', '["/old"]']],
  },
);

// --- shouldReconnectOnClose ------------------------------------------------------------------------------------------

scenario(
  'shouldReconnectOnClose decides by the event',
  async ({ make, log, server }) => {
    const socket = make(undefined, undefined, {
      shouldReconnectOnClose: ({ code }) => {
        log.push('asked', code);
        return code !== 4002;
      },
    });
    (await server.socket(1)).close(4001, 'x');
    (await server.socket(2)).close(4002, 'y');
    await log.until('close', 2);
    log.push(socket.readyState, socket.shouldReconnect);
    await pause(100);
    socket.reconnect();
    await log.until('open', 3);
    log.push(socket.shouldReconnect);
  },
  [
    ...['open', 'asked 4001', 'close 4001 "x" clean', 'open', 'asked 4002', 'close 4002 "y" clean'],
    ...['3 false', 'open', 'true'],
  ],
  { 'reconnecting-websocket': ['send() tells', 'cannot run'] },
);

scenario(
  'shouldReconnectOnClose sees the true code of a failed dial',
  async ({ make, log }) => {
    make(NOBODY, undefined, {
      shouldReconnectOnClose: ({ code }) => {
        log.push('asked', code);
        return code !== 1000;
      },
      maxRetries: 1,
    });
    await log.until('error');
    await pause(150);
  },
  ['asked 1006', 'error', 'close 1006 "" unclean', 'error', 'close 1006 "" unclean'],
  {
    'reconnecting-websocket': ['send() tells', 'cannot run'],
    partysocket: ['failed dials are 1006', ['asked 1000', 'close 1000 "unknown reason" clean', 'error']],
  },
);

// --- listeners -------------------------------------------------------------------------------------------------------

scenario(
  'listeners: an object with handleEvent, a removed one, names that nobody knows',
  async ({ make, log }) => {
    const socket = make();
    const never = (): void => log.push('never');
    socket.addEventListener('open', { handleEvent: ({ type }: Event) => log.push('handled', type) });
    socket.addEventListener('open', never);
    socket.addEventListener('nothing', never);
    socket.removeEventListener('open', never);
    socket.removeEventListener('nobody', never);
    await log.until('handled');
    log.push(socket.dispatchEvent(new Event('open')));
  },
  ['open', 'handled open', 'open', 'handled open', 'true'],
);

scenario(
  'listeners with once, and one that is added twice',
  async ({ make, log, server }) => {
    const socket = make();
    const twice = (): void => log.push('twice');
    socket.addEventListener('open', twice);
    socket.addEventListener('open', twice);
    socket.addEventListener('open', () => log.push('once'), { once: true });
    (await server.socket(1)).close(4000, 'x');
    await log.until('open', 2);
  },
  ['open', 'twice', 'once', 'close 4000 "x" clean', 'open', 'twice'],
  {
    'reconnecting-websocket': [
      "listeners are an EventTarget's",
      ['open', 'twice', 'twice', 'once', 'close 4000 "x" clean', 'open', 'twice', 'twice', 'once'],
    ],
  },
);

scenario(
  'the target of an event',
  async ({ make, log }) => {
    const socket = make();
    socket.onopen = ({ target }: { target: unknown }) => log.push('on', target === socket);
    socket.addEventListener('open', ({ target }: Event) => log.push('listener', (target as unknown) === socket));
    await log.until('listener');
  },
  ['on true', 'open', 'listener true'],
  {
    'reconnecting-websocket': ['events know their target', ['on false', 'open', 'listener false']],
    partysocket: ['events know their target', ['on false', 'open', 'listener true']],
  },
);

// --- the rest --------------------------------------------------------------------------------------------------------

scenario(
  'constants, on the class and on sockets',
  async ({ make, log, Class }) => {
    const socket = make(undefined, undefined, { startClosed: true }) as unknown as AnyClass;
    for (const holder of [Class, socket]) log.push(holder.CONNECTING, holder.OPEN, holder.CLOSING, holder.CLOSED);
  },
  ['0 1 2 3', '0 1 2 3'],
);

scenario(
  'debug says so on the console, and nothing without',
  async ({ make, log }) => {
    const spoken = vi.spyOn(console, 'log').mockImplementation(() => {});
    make();
    await log.until('open');
    expect(spoken).not.toHaveBeenCalled();
    const debugged = make(undefined, undefined, { debug: true });
    await log.until('open', 2);
    debugged.close();
    await log.until('close');
    log.lines.length = 0;
    log.push(spoken.mock.calls.length > 1, [...new Set(spoken.mock.calls.map(([prefix]) => prefix))]);
  },
  ['true ["RWS>"]'],
);

scenario(
  'debugLogger is where debug speaks',
  async ({ make, log }) => {
    const spoken = vi.fn();
    make(undefined, undefined, { debug: true, debugLogger: spoken });
    make(undefined, undefined, { debugLogger: () => log.push('never') });
    await log.until('open', 2);
    log.lines.length = 0;
    log.push(spoken.mock.calls.length > 1, spoken.mock.calls[0]?.[0]);
  },
  ['true RWS>'],
  { 'reconnecting-websocket': ['send() tells', 'cannot run'] },
);

scenario(
  'send() behind close() warns once, until reconnect()',
  async ({ make, log }) => {
    const socket = make();
    await log.until('open');
    socket.close(1000, 'x');
    await log.until('close');
    socket.send('one');
    socket.send('two');
    const warn = vi.mocked(console.warn);
    log.push(warn.mock.calls.length, String(warn.mock.calls[0]?.[0]).includes('send() was called after close()'));
    socket.reconnect();
    await log.until('message', 2);
    socket.close(1000, 'y');
    socket.send('three');
    log.push(warn.mock.calls.length);
  },
  ['open', 'close 1000 "x" clean', '1 true', 'open', 'message one', 'message two', 'close 1000 "y" clean', '2'],
  { 'reconnecting-websocket': ['send() tells', 'cannot run'] },
);

scenario(
  'readyState behind reconnect()',
  async ({ make, log }) => {
    const socket = make();
    await log.until('open');
    socket.reconnect(1000, 'x');
    log.push(socket.readyState);
    await log.until('open', 2);
  },
  ['open', 'close 1000 "x" clean', '3', 'open'],
  {
    'reconnecting-websocket': ['never CLOSING', ['open', 'close 1000 "x" clean', '2', 'open']],
    partysocket: ['never CLOSING', ['open', 'close 1000 "x" clean', '2', 'open']],
  },
);

describe('with options that only ws knows', () => {
  test.each([
    ['a global WebSocket that does not', () => vi.stubGlobal('WebSocket', class {}), {}],
    ['ws as the option', () => {}, { WebSocket }],
  ])('and %s, headers are sent', async (_title, prepare, options) => {
    onTestFinished(() => {
      vi.unstubAllGlobals();
    });
    prepare();
    const server = await WsServer.listen();
    const socket = new ReconnectingWebSocket(server.url, ['a'], {
      ...options,
      headers: { cookie: 'a=b' },
      node: { origin: 'http://o' },
    });
    onTestFinished(() => socket.close());
    await server.socket();
    const { cookie, origin, 'sec-websocket-protocol': protocol } = server.requests[0]?.headers ?? {};
    expect({ cookie, origin, protocol }).toEqual({ cookie: 'a=b', origin: 'http://o', protocol: 'a' });
  });
});

interface ErrorLike {
  readonly message: string;
  readonly error: Error;
}
