import { describe, expect, test } from 'vitest';
import { closeCodes } from '../../src/core/close-code.js';
import { type Control, encode, parse } from '../../src/core/frames.js';
import type { SessionSnapshot } from '../../src/core/registry.js';
import type { Data } from '../../src/core/types.js';
import type { Connection, Report } from '../../src/io/connection.js';
import { type LongSocketServerOptions, peerConfig } from '../../src/server/options.js';
import { RetainedLedger, SessionHost } from '../../src/server/session-host.js';
import type { SessionSocket } from '../../src/server/session-socket.js';
import { memoryStore, type SessionStore } from '../../src/server/store.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { fateOf, settle } from '../socket/simulated.js';

/** A connection that a client has opened to the host, played by hand. */
class Visit implements Connection {
  readonly calls: string[] = [];
  readonly heard: unknown[] = [];
  readonly bufferedAmount: number;
  readonly protocol = '';
  readonly extensions = '';
  readonly url = '';
  readonly #id: number;
  readonly #report: Report;
  /** Does not answer a goodbye. */
  stubborn = false;

  constructor(id: number, report: Report) {
    this.#id = this.bufferedAmount = id;
    this.#report = report;
  }

  // What the server does.

  send(data: Data): void {
    this.heard.push(typeof data === 'string' && data.charCodeAt(0) === 0x10 ? parse(data) : data);
  }

  close(code: number, reason: string): void {
    this.calls.push(`close ${code} ${reason}`.trim());
    if (!this.stubborn) this.ends(code);
  }

  terminate(code: number): void {
    this.calls.push(`terminate ${code}`);
  }

  // What the client does.

  says(frame: Control | string): void {
    const data = typeof frame === 'string' ? frame : encode(frame);
    this.#report({ type: 'message-received', id: this.#id, data });
  }

  ends(code = 1006): void {
    this.#report({ type: 'connection-close', id: this.#id, code, reason: '', wasClean: code !== 1006 });
  }

  /** The first frame of this kind that was heard. */
  frame<Letter extends Control['letter']>(letter: Letter): Extract<Control, { letter: Letter }> {
    const found = this.heard.find((frame) => (frame as Control).letter === letter);
    if (!found) throw new Error(`there was no ${letter}`);
    return found as Extract<Control, { letter: Letter }>;
  }

  hello(): string {
    this.says({ letter: 'H', v: 1, b: 1000 });
    const { s } = this.frame('W');
    this.says({ letter: 'A', c: 0 });
    return s;
  }

  resume(session: string, n: number, more: { k?: string; r?: number; c?: number; h?: 1 } = {}): void {
    const key = session.replace('session', 'key');
    this.says({ letter: 'R', v: 1, s: session, k: key, n, r: 0, c: 0, ...more });
  }
}

interface Around {
  readonly clock?: VirtualClock;
  readonly store?: SessionStore;
  readonly name?: string;
}

function hosting(
  options: Partial<LongSocketServerOptions> = {},
  { clock = new VirtualClock(), store, name = '' }: Around = {},
) {
  const ledger = new RetainedLedger(options.maxRetainedBytes ?? 1_000_000);
  const sockets: SessionSocket[] = [];
  const errors: unknown[] = [];
  let count = 0;
  const host = new SessionHost<{ url: string }>(
    {
      peer: peerConfig({ noServer: true, ...options }, ledger),
      ledger,
      clock,
      random: () => 0.5,
      entropy: () => ({ session: `session${name}${++count}`, key: `key${name}${count}` }),
      hash: (key) => `hash of ${key}`,
      helloTimeout: options.helloTimeout ?? 15_000,
      maxSessions: options.maxSessions ?? 100,
      maxSessionsPerPrincipal: 20,
      store,
    },
    { clock },
    {
      session: (socket) => sockets.push(socket as unknown as SessionSocket),
      error: (error) => errors.push(error),
    },
  );
  const visit = ({ url = '/', principal }: { url?: string; principal?: string } = {}): Visit => {
    let made: Visit | undefined;
    host.arrive(
      (id, report) => {
        made = new Visit(id, report);
        return made;
      },
      { request: { url }, inner: '', principal, source: undefined },
    );
    return made as Visit;
  };
  const socket = (): SessionSocket => {
    const last = sockets.at(-1);
    if (!last) throw new Error('there is no session');
    return last;
  };
  return { host, clock, ledger, sockets, socket, errors, visit };
}

describe('a connection', () => {
  test('that says hello gets a session of its own', () => {
    const { visit, sockets, socket, host } = hosting();
    const [first, second] = [visit({ url: '/a' }), visit({ url: '/b', principal: 'ann' })];
    expect([first.hello(), second.hello()]).toEqual(['session1', 'session2']);
    expect(sockets.map(({ session, url, principal }) => [session, url, principal])).toEqual([
      ['session1', '/a', undefined],
      ['session2', '/b', 'ann'],
    ]);
    expect(socket().state.status).toBe('connected');
    expect([...host.sockets.keys()]).toEqual(['session1', 'session2']);
  });

  test('that says nothing is closed after helloTimeout', () => {
    const { visit, clock, host } = hosting({ helloTimeout: 1000 });
    const silent = visit();
    clock.advance(999);
    expect(silent.calls).toEqual([]);
    clock.advance(1);
    expect(silent.calls).toEqual([`terminate ${closeCodes.noGreeting}`]);
    expect(host.registry.sessions).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test.each(['text', '\u0010', '\u0010Q', '\u0010H{}', '\u0010W{}', '\u0010A0'])(
    'that says %j first is closed',
    (text) => {
      const { visit, host } = hosting();
      const stranger = visit();
      stranger.says(text);
      expect(stranger.calls).toHaveLength(1);
      expect(stranger.calls[0]).toMatch(/^terminate 490[35]$/);
      stranger.says({ letter: 'H', v: 1, b: 1 });
      expect(host.registry.sessions).toBe(0);
    },
  );

  test('that leaves without a word leaves nothing', () => {
    const { visit, clock, host } = hosting();
    visit().ends();
    clock.advance(15_000);
    expect([host.registry.sessions, clock.timers]).toEqual([0, 0]);
  });

  test('that resumes takes the place of the one before, which is given up once and forgotten', async () => {
    const { visit, clock, host, socket } = hosting();
    const [first, second] = [visit({ url: '/a' }), visit({ url: '/b' })];
    const session = first.hello();
    clock.advance(1000);
    second.resume(session, 1);
    expect(first.calls).toEqual([`terminate ${closeCodes.moved}`]);
    expect(second.frame('W').s).toBe(session);
    expect(socket().url).toBe('/b');
    first.says('late');
    first.ends();
    expect(socket().state.status).toBe('connected');
    await host.close();
    expect(first.calls).toHaveLength(1);
  });

  test('that is refused is told why, said goodbye to, and not waited for', () => {
    const { visit, clock, sockets } = hosting();
    const stranger = visit();
    stranger.stubborn = true;
    stranger.resume('session9', 1);
    expect(stranger.heard).toEqual([{ letter: 'X', why: 'unknown' }]);
    expect(stranger.calls).toEqual([`close ${closeCodes.gone} unknown`]);
    clock.advance(5000);
    expect(stranger.calls).toEqual([`close ${closeCodes.gone} unknown`, `terminate ${closeCodes.gone}`]);
    clock.advance(60_000);
    expect(stranger.calls).toHaveLength(2);
    expect([sockets, clock.timers]).toEqual([[], 0]);
  });

  test('that answers the goodbye costs no timer any longer', () => {
    const { visit, clock } = hosting();
    const stranger = visit();
    stranger.resume('session9', 1);
    clock.advance(15_000);
    expect(stranger.calls).toEqual([`close ${closeCodes.gone} unknown`]);
    expect(clock.timers).toBe(0);
  });

  test('of another transport that throws is given up, and the others do not suffer', () => {
    const { host, visit, sockets } = hosting();
    const calls: string[] = [];
    const broken = {
      ...({} as Connection),
      send() {
        throw new Error('broken');
      },
      close() {},
      terminate: (code: number) => calls.push(`terminate ${code}`),
    } as unknown as Connection;
    let say: Report = () => {};
    host.arrive(
      (_, report) => {
        say = report;
        return broken;
      },
      { request: { url: '/' }, inner: '', principal: undefined, source: undefined },
    );
    say({ type: 'message-received', id: 1, data: encode({ letter: 'R', v: 1, s: 'x', k: 'y', n: 1, r: 0, c: 0 }) });
    expect(calls).toEqual(['terminate 1011']);
    visit().hello();
    expect(sockets).toHaveLength(1);
  });
});

describe('two connections of one session', () => {
  /** A session with a connection that is held beside its active one. */
  function held() {
    const given = hosting();
    const [active, next] = [given.visit(), given.visit()];
    const session = active.hello();
    given.clock.advance(1000);
    next.resume(session, 1, { h: 1 });
    return { ...given, active, next, session };
  }

  test('change over at TAKE, and the old one is given up', () => {
    const { active, next, socket } = held();
    expect(active.calls).toEqual([]);
    socket().send('A');
    next.says({ letter: 'T', r: 1, c: 1, s: 1 });
    socket().send('B');
    expect([active.heard.at(-1), next.heard.at(-1)]).toEqual(['A', 'B']);
    expect(active.calls).toEqual([`terminate ${closeCodes.moved}`]);
  });

  test('one that is refused beside them, and stays, is not taken for one of them', () => {
    const { active, next, visit, socket, session, clock } = held();
    const stale = visit();
    stale.stubborn = true;
    clock.advance(300);
    stale.resume(session, 1, { h: 1 });
    expect(stale.heard).toEqual([{ letter: 'X', why: 'stale' }]);
    next.says({ letter: 'T', r: 0, c: 0, s: 1 });
    socket().send('A');
    expect(next.heard.at(-1)).toBe('A');
    expect(socket().bufferedAmount).toBe(next.bufferedAmount);
    stale.ends();
    socket().send('B');
    expect(next.heard.at(-1)).toBe('B');
    expect([active.calls.length, next.calls.length]).toEqual([1, 0]);
  });

  test('the held one that never takes is given up', () => {
    const { active, next, clock, socket } = held();
    for (let second = 0; second < 16; second++) {
      clock.advance(1000);
      active.says({ letter: 'P', id: second, c: 0 });
    }
    expect(next.calls).toEqual([`terminate ${closeCodes.noGreeting}`]);
    expect(socket().state.status).toBe('connected');
  });
});

describe('the end of a session', () => {
  test('by both goodbyes is forgotten in ten minutes, and says goodbye to its connection', () => {
    const { visit, socket, host, clock } = hosting();
    const client = visit();
    const session = client.hello();
    socket().close(4000, 'bye');
    client.says({ letter: 'F', c: 1000, m: '' });
    client.says({ letter: 'A', c: 1 });
    expect(client.calls).toEqual(['close 1000']);
    expect([host.sockets.size, host.registry.sessions, host.registry.tombs]).toEqual([0, 0, 1]);
    const late = visit();
    late.resume(session, 1);
    expect(late.frame('X')).toEqual({ letter: 'X', why: 'closed', r: 1, c: 4000, m: 'bye' });
    clock.advance(10 * 60_000);
    expect([host.registry.tombs, clock.timers]).toEqual([0, 0]);
  });

  test('by eviction makes room for a new one, if its client has never said more than hello', () => {
    const { visit, sockets, host } = hosting({ maxSessions: 1 });
    const first = visit();
    first.says({ letter: 'H', v: 1, b: 1 });
    const busy = visit();
    busy.says({ letter: 'H', v: 1, b: 1 });
    expect(busy.frame('X')).toMatchObject({ why: 'busy' });
    first.ends();
    const second = visit();
    second.hello();
    expect(sockets.map(({ state }) => state.cause?.cause)).toEqual(['evicted', undefined]);
    second.ends();
    const third = visit();
    third.says({ letter: 'H', v: 1, b: 1 });
    expect(third.frame('X')).toMatchObject({ why: 'busy' });
    expect(host.registry.sessions).toBe(1);
  });

  test('by pressure takes what is retained for those who are away, oldest first', async () => {
    const { visit, sockets, ledger } = hosting({ maxRetainedBytes: 1000 });
    for (let n = 0; n < 3; n++) {
      const client = visit();
      client.hello();
      client.ends();
    }
    for (const socket of sockets) socket.send('x'.repeat(400));
    await settle();
    expect(sockets.map(({ state }) => state.status)).toEqual(['closed', 'connecting', 'connecting']);
    expect(ledger.bytes).toBe(800);
  });
});

describe('close()', () => {
  test('tells clients that their sessions are lost, and resolves when they are gone', async () => {
    const { visit, socket, host, clock } = hosting();
    const client = visit();
    client.stubborn = true;
    client.hello();
    const closed = host.close();
    expect(client.frame('X')).toEqual({ letter: 'X', why: 'lost', r: 0 });
    expect(socket().state).toMatchObject({ status: 'closed', cause: { cause: 'session-lost' } });
    expect(await fateOf(closed)).toBe('pending');
    client.ends(4904);
    expect(await fateOf(closed)).toBe('resolved');
    expect(clock.timers).toBe(0);
  });

  test('does not wait for ever for a client that does not answer', async () => {
    const { visit, host, clock } = hosting({ closeTimeout: 1000 });
    const client = visit();
    client.stubborn = true;
    client.hello();
    const closed = host.close();
    await clock.advanceAsync(1000);
    expect(await fateOf(closed)).toBe('resolved');
    expect(client.calls).toEqual([`close ${closeCodes.gone} lost`, `terminate ${closeCodes.gone}`]);
    expect(clock.timers).toBe(0);
  });

  test('gives up those who have not said hello, and those who come later', async () => {
    const { visit, host, clock } = hosting();
    const early = visit();
    await host.close();
    const late = visit();
    late.says({ letter: 'H', v: 1, b: 1 });
    expect([early.calls, late.calls]).toEqual([['terminate 1001'], ['terminate 1001']]);
    expect([host.registry.sessions, clock.timers]).toEqual([0, 0]);
  });

  test('leaves no timer, whatever had been', async () => {
    const { visit, host, clock, socket } = hosting();
    const [first, second] = [visit(), visit()];
    first.hello();
    second.hello();
    socket().send('A');
    first.ends();
    // So that nothing is due sooner than what the end of the sessions leaves to do.
    clock.advance(20_000);
    await host.close();
    expect(clock.timers).toBe(0);
  });

  test('with a store hands every session over, and what was retained with it', async () => {
    const clock = new VirtualClock();
    const store = memoryStore({ clock });
    const [old, next] = [hosting({}, { clock, store }), hosting({}, { clock, store, name: 'next' })];
    const client = old.visit();
    const session = client.hello();
    old.socket().send('A');
    await old.host.close();
    expect(client.calls).toEqual([`terminate ${closeCodes.moved}`]);
    expect(old.socket().state).toMatchObject({ status: 'closed', cause: { cause: 'moved' } });
    const again = next.visit();
    again.resume(session, 1);
    await settle();
    expect(again.frame('W').s).toBe(session);
    expect(again.heard.at(-1)).toBe('A');
    expect(next.socket().session).toBe(session);
  });

  test('with a store that fails says so', async () => {
    const store: SessionStore = {
      join: () => () => {},
      claim: async () => undefined,
      deposit: () => Promise.reject(new Error('the disk is full')),
    };
    const { visit, host, errors } = hosting({}, { store });
    visit().hello();
    visit().hello();
    await host.close();
    const lost = { message: expect.stringMatching(/session .* is lost/), cause: { message: 'the disk is full' } };
    expect(errors).toMatchObject([lost, lost]);
  });
});

describe('with a store', () => {
  /** Two hosts that share a store, and a session at the first. */
  function two() {
    const clock = new VirtualClock();
    const store = memoryStore({ clock });
    const [first, second] = [hosting({}, { clock, store, name: 'a' }), hosting({}, { clock, store, name: 'b' })];
    const client = first.visit();
    const session = client.hello();
    return { clock, store, first, second, client, session };
  }

  test('a session follows its client, and its old connection is given up first', async () => {
    const { first, second, client, session } = two();
    first.socket().send('A');
    const next = second.visit();
    next.resume(session, 1, { h: 1 });
    await settle();
    expect(client.calls).toEqual([`terminate ${closeCodes.moved}`]);
    expect(next.frame('W')).toMatchObject({ s: session, x: 1 });
    expect([first.host.registry.sessions, second.host.registry.sessions]).toEqual([0, 1]);
    expect(first.socket().state.cause?.cause).toBe('moved');
    expect(next.heard.at(-1)).toBe('A');
  });

  test('a claim with another key moves nothing', async () => {
    const { first, second, client, session } = two();
    const thief = second.visit();
    thief.resume(session, 1, { k: 'guessed' });
    await settle();
    expect(thief.frame('X')).toMatchObject({ why: 'unknown' });
    expect(client.calls).toEqual([]);
    expect(first.host.registry.sessions).toBe(1);
  });

  test('a client that is gone when its session comes is waited for, and not for ever', async () => {
    const { clock, second, session } = two();
    const gone = second.visit();
    gone.resume(session, 1);
    gone.ends();
    await settle();
    expect(second.socket().state.status).toBe('connecting');
    expect(second.socket().url).toBe('');
    clock.advance(120_000);
    expect(second.socket().state).toMatchObject({ status: 'closed', cause: { cause: 'expired' } });
    expect(second.host.registry.sessions).toBe(0);
  });

  test('what an application has not read moves along, and is not read here as well', async () => {
    const { first, second, client, session } = two();
    const old = first.socket();
    const iterator = old[Symbol.asyncIterator]();
    for (const data of ['a', 'b', 'c']) client.says(data);
    expect((await iterator.next()).value).toBe('a');
    const next = second.visit();
    next.resume(session, 1);
    await settle();
    expect(next.frame('W')).toMatchObject({ r: 1, c: 1 });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    const received: unknown[] = [];
    old.on('message', (data) => received.push(data));
    second.socket().on('message', (data) => received.push(data));
    next.says('b');
    next.says('c');
    await settle();
    expect(received).toEqual(['b', 'c']);
  });

  test('what was held for a first reader moves along as well', async () => {
    const { first, second, client, session } = two();
    for (const data of ['a', 'b']) client.says(data);
    second.visit().resume(session, 1);
    await settle();
    const received: unknown[] = [];
    first.socket().on('message', (data) => received.push(data));
    await settle();
    expect(received).toEqual([]);
  });

  test('only one of those who ask at the same time gets a session', async () => {
    const { first, client } = two();
    const socket = first.socket();
    const answers: Promise<unknown>[] = [];
    // In the middle of a step, when neither has happened yet.
    socket.on('message', () => answers.push(socket.release(), socket.release()));
    client.says('x');
    const snapshots = (await Promise.all(answers)).filter((snapshot) => snapshot !== undefined);
    expect(snapshots).toHaveLength(1);
    expect(await socket.release()).toBeUndefined();
  });

  test('a release inside a listener of the session that ends there resolves with nothing', async () => {
    const { first, client } = two();
    const socket = first.socket();
    const released: Promise<unknown>[] = [];
    socket.on('message', () => {
      socket.instruct({ type: 'evict', why: 'evicted' });
      released.push((socket as SessionSocket).release());
    });
    client.says('x');
    expect(await Promise.all(released)).toEqual([undefined]);
  });

  test('a session that comes when the server is closed already goes back to the store', async () => {
    const clock = new VirtualClock();
    const deposited: SessionSnapshot[] = [];
    let answer: (snapshot: SessionSnapshot) => void = () => {};
    const store: SessionStore = {
      join: () => () => {},
      claim: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
      deposit: async (snapshot) => {
        deposited.push(snapshot);
      },
    };
    const { host, visit, sockets } = hosting({}, { clock, store });
    visit().resume('session1', 1);
    await host.close();
    answer({ session: 'session1' } as SessionSnapshot);
    await settle();
    expect(deposited).toEqual([{ session: 'session1' }]);
    expect([sockets, clock.timers]).toEqual([[], 0]);
  });

  test('that fails a client is asked to come again, and the error is told', async () => {
    const store: SessionStore = {
      join: () => () => {},
      claim: () => {
        throw new Error('no database');
      },
      deposit: async () => {},
    };
    const { visit, errors } = hosting({}, { store });
    const client = visit();
    client.resume('session1', 1);
    await settle();
    expect(errors).toMatchObject([{ message: 'no database' }]);
    expect(client.frame('X')).toMatchObject({ why: 'busy', retry: expect.any(Number) });
  });

  test('that does not answer is as one that fails, and is asked again by whoever comes next', async () => {
    let asked = 0;
    const store: SessionStore = {
      join: () => () => {},
      claim: () => {
        asked++;
        return new Promise(() => {});
      },
      deposit: async () => {},
    };
    const { visit, errors, clock, host } = hosting({ helloTimeout: 1000 }, { store });
    const client = visit();
    client.resume('session1', 1);
    clock.advance(1000);
    expect(client.frame('X')).toMatchObject({ why: 'busy' });
    expect(errors).toMatchObject(
      [{ message: /did not answer/ }].map(() => ({ message: expect.stringMatching(/did not answer/) })),
    );
    visit().resume('session1', 2);
    expect(asked).toBe(2);
    await host.close();
    expect(clock.timers).toBe(0);
  });

  test('that is asked while a session is on its way is told that nobody knows, which is no loss', async () => {
    const clock = new VirtualClock();
    const store = memoryStore({ clock });
    const [west, east] = [hosting({}, { clock, store, name: 'w' }), hosting({}, { clock, store, name: 'e' })];
    west.visit().hello();
    // Somebody has claimed it from the west, and has not got it yet.
    const claim = { session: 'sessionw1', keyHash: 'hash of keyw1', principal: undefined, attempt: 1 };
    expect(await store.claim(claim)).toBeDefined();
    const client = east.visit();
    client.resume('sessionw1', 2);
    await settle();
    expect(client.frame('X')).toMatchObject({ why: 'busy' });
    clock.advance(10_001);
    const later = east.visit();
    later.resume('sessionw1', 3);
    await settle();
    expect(later.frame('X')).toMatchObject({ why: 'unknown' });
  });
});
