/** How connections end, and what is said of it. */
import { assert, type Case, codeOf, equal, type Room, sleep, type Tools, until } from '../harness.js';

const soon = { backoffBase: 10, minUptime: 0 } as const;

export const endings: readonly Omit<Case, 'group'>[] = [
  {
    name: 'a connection that was cut is replaced, and reported as lost',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url(), soon);
      await client.next('open');
      for (const [n, kind] of [
        [1, 'rst'],
        [2, 'fin'],
      ] as const) {
        await room.do('cut', { kind });
        const { cause, code, wasClean } = await client.next('interrupted', n);
        equal({ cause, code, wasClean }, { cause: 'lost', code: 1006, wasClean: false }, `interrupted by ${kind}`);
        equal((await client.next('open', n + 1)).reconnected, true, 'reconnected');
      }
      client.socket.send('alive');
      equal(await client.next('message'), 'alive', 'the echo');
      await until(async () => (await room.seen()).open === 1, 'the old connections to be gone');
    },
  },
  {
    name: "the peer's own close code and reason are told",
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url(`/close?code=4001&reason=${encodeURIComponent('gräßlich')}`), {
        reconnect: false,
      });
      client.socket.send('end it');
      const { code, reason, wasClean, cause } = await client.next('close');
      equal(
        { code, reason, wasClean, cause },
        { code: 4001, reason: 'gräßlich', wasClean: true, cause: 'peer' },
        'the end',
      );
    },
  },
  {
    name: 'the code is told even where the peer ends TCP right behind it',
    async run(tools) {
      const room = await tools.room();
      const codes: number[] = [];
      for (let n = 0; n < 5; n++) {
        const client = tools.open(room.url('/slam?code=4001'), { reconnect: false });
        client.socket.send('end it');
        codes.push((await client.next('close')).code);
      }
      // Sometimes Deno does, sometimes it does not.
      const deno = tools.place.runtime === 'deno';
      if (deno) tools.gap = 'Deno may report 1006 instead of the close code when the peer ends TCP right behind it.';
      const others = codes.filter((code) => code !== 4001 && !(deno && code === 1006));
      equal(others, [], 'other codes than the one that was sent');
    },
  },
  {
    name: 'close() is a closing handshake, with its code and reason',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url());
      client.socket.send('last words');
      await client.next('message');
      client.socket.close(3210, 'done');
      const { code, reason, wasClean, undelivered } = await client.next('close');
      equal(
        { code, reason, wasClean, undelivered },
        { code: 3210, reason: 'done', wasClean: true, undelivered: 0 },
        'the end',
      );
      await until(async () => (await room.seen()).closes.length === 1, 'the server to be told');
      equal((await room.seen()).closes, [{ code: 3210, reason: 'done' }], 'what the server was told');
    },
  },
  {
    name: 'a refused dial is a failed dial: 1006, and no other code',
    async run(tools) {
      const room = await tools.room();
      await room.do('refuse', { on: true });
      const client = tools.open(room.url(), { maxAttempts: 2, backoffBase: 10 });
      const opened = codeOf(() => client.socket.opened);
      const { cause, code, wasClean, phase } = await client.next('failed');
      equal(
        { cause, code, wasClean, phase },
        { cause: 'dial', code: 1006, wasClean: false, phase: 'dial' },
        'why it failed',
      );
      equal((await client.next('close')).code, 1006, 'the code of close');
      equal(await opened, 'DIAL_FAILED', 'opened rejects');
      equal(client.events.open.length, 0, 'connections');
    },
  },
  {
    name: 'a refused dial is tried again, and succeeds when it can',
    async run(tools) {
      const room = await tools.room();
      await room.do('refuse', { on: true });
      const client = tools.open(room.url(), { backoffBase: 50, backoffCap: 200 });
      client.socket.send('patience');
      await client.next('reconnecting', 2);
      await room.do('refuse', { on: false });
      equal(await client.next('message'), 'patience', 'the echo');
    },
  },
  {
    name: 'an upgrade that nobody answers is given up at the connect timeout, and its connection ended',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/hang'), { connectTimeout: 500, maxAttempts: 1 });
      await until(async () => (await room.seen()).upgrades === 1 || client.events.failed.length > 0, 'the dial');
      equal((await client.next('failed')).cause, 'timeout', 'why it failed');
      await hangingEnds(tools, room);
    },
  },
  {
    name: 'close() against a server that never answers ends at the close timeout',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/mute'), { closeTimeout: 300 });
      await client.next('open');
      client.socket.close(1000, 'bye');
      const { code, wasClean } = await client.next('close');
      equal({ code, wasClean }, { code: 1000, wasClean: false }, 'the end');
    },
  },
  {
    name: 'close() while connecting ends the dial',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/hang'));
      await until(async () => (await room.seen()).upgrades === 1, 'the dial');
      client.socket.send('never goes out');
      client.socket.close();
      equal((await client.next('close')).undelivered, 1, 'messages that were not delivered');
      await hangingEnds(tools, room);
    },
  },
  {
    name: 'an AbortSignal closes it, connected or not',
    async run(tools) {
      const room = await tools.room();
      const [early, late] = [new AbortController(), new AbortController()];
      const hanging = tools.open(room.url('/hang'), { signal: early.signal });
      early.abort();
      await hanging.next('close');
      const client = tools.open(room.url(), { signal: late.signal });
      await client.next('open');
      late.abort();
      equal((await client.next('close')).code, 1000, 'the code');
      equal(await codeOf(() => client.socket.connect()), 'ABORTED', 'connect() afterwards');
    },
  },
  {
    name: 'reconnect() changes the connection, and connect() after close() begins a new life',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url());
      await client.next('open');
      client.socket.reconnect();
      await client.next('open', 2);
      client.socket.close();
      await client.next('close');
      client.socket.connect();
      await client.next('open', 3);
      client.socket.send('again');
      equal(await client.next('message'), 'again', 'the echo');
      await until(async () => (await room.seen()).open === 1, 'the old connections to be gone');
    },
  },
  {
    name: 'no timer is left behind the close event',
    async run(tools) {
      const room = await tools.room();
      // Browsers dial a host one at a time, so the dial that hangs comes last.
      const elsewhere = await tools.room();
      const timers = countTimers();
      tools.finally(() => timers.stop());
      const open = tools.open(room.url(), soon);
      await open.next('open');
      await room.do('cut');
      await open.next('open', 2);
      const hanging = tools.open(elsewhere.url('/hang'));
      open.socket.close();
      hanging.socket.close();
      await open.next('close');
      await hanging.next('close');
      await until(
        () => timers.pending() === 0,
        () => `${timers.pending()} timers to be cleared or due`,
      );
    },
  },
  {
    name: 'what a listener throws goes to onListenerError, and no further',
    async run(tools) {
      const room = await tools.room();
      const told: unknown[] = [];
      const client = tools.open(room.url(), { onListenerError: (error) => told.push(error) });
      client.socket.on('message', () => {
        throw new Error('of the application');
      });
      client.socket.send('one');
      client.socket.send('two');
      await client.next('message', 2);
      await sleep(0);
      equal(told.length, 2, 'errors reported');
      assert(
        told.every((error) => error instanceof Error),
        'they are what was thrown',
      );
    },
  },
];

/** The connection of a dial that was given up is ended; where it is not, at least the next dial is not held up. */
async function hangingEnds(tools: Tools, room: Room): Promise<void> {
  const isGone = async (): Promise<boolean> => (await room.seen()).open === 0;
  if (tools.place.runtime !== 'firefox') return await until(isGone, 'the hanging connection to be gone');
  await sleep(1000);
  if (await isGone()) return;
  await tools.open(room.url()).next('open');
  tools.gap =
    'Firefox leaves the TCP connection of a dial that was given up open, until the server ends it; its `WebSocket` does so by itself. New dials are not held up.';
}

/** Counts the timers that are set from now on and neither due nor cleared; `until` has none while it looks. */
function countTimers(): { pending(): number; stop(): void } {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const pending = new Set<unknown>();
  globalThis.setTimeout = ((callback: () => void, ms?: number) => {
    const timer: unknown = set(() => {
      pending.delete(timer);
      callback();
    }, ms);
    pending.add(timer);
    return timer;
  }) as typeof set;
  globalThis.clearTimeout = ((timer: never) => {
    pending.delete(timer);
    clear(timer);
  }) as typeof clear;
  return {
    pending: () => pending.size,
    stop() {
      globalThis.setTimeout = set;
      globalThis.clearTimeout = clear;
    },
  };
}
