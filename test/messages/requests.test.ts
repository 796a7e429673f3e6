import { encode as pack, decode as unpack } from '@msgpack/msgpack';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { Data } from '../../src/core/types.js';
import { type Codec, LongSocket, type LongSocketOptions, type Socket } from '../../src/index.js';
import { parse } from '../../src/messages/envelope.js';
import { json, type Requests, type RequestsOptions, requests } from '../../src/messages.js';
import { memoryStore } from '../../src/server.js';
import { SimulatedNetwork, VirtualClock } from '../../src/testing.js';
import { sessionPair } from '../helpers/session-pair.js';
import { SessionServer, type SessionServerOptions } from '../sim/session-network.js';
import { settle, simulated } from '../socket/simulated.js';

/** Both ends of a session, with requests. */
function pair(options: RequestsOptions = {}, clientOptions: LongSocketOptions = {}, server: SessionServerOptions = {}) {
  const world = sessionPair(clientOptions, { server, reads: false });
  const ends: Requests[] = [];
  const errors: unknown[] = [];
  world.server.onsession = (socket) => {
    socket.on('error', (error) => errors.push(error));
    ends.push(requests(socket, options));
  };
  const calls = requests(world.socket, options);
  world.clock.advance(100);
  return { ...world, calls, errors, theirs: () => ends.at(-1) as Requests };
}

/** A client without a session, whose server is played by hand. */
function alone(options: RequestsOptions = {}, socketOptions: LongSocketOptions = {}) {
  const world = simulated(socketOptions);
  const calls = requests(world.socket, options);
  world.clock.advance(100);
  /** The id of the request that came last. */
  const id = (): string => parse(world.received.filter((data) => String(data).startsWith('\u0005Q')).at(-1) as Data).id;
  return { ...world, calls, id };
}

/** What has become of a request by now. */
async function now(promise: Promise<unknown>): Promise<unknown> {
  let result: unknown = 'pending';
  promise.then(
    (value) => {
      result = value;
    },
    (error: { code?: string }) => {
      result = error.code;
    },
  );
  await settle();
  return result;
}

describe('a request', () => {
  test('is answered with what the handler returns, in both directions', async () => {
    const { calls, theirs, clock } = pair();
    theirs().handle((data) => ({ heard: data }));
    calls.handle(async (data) => [data, 'too']);
    const answers = [calls.request({ a: 1 }), calls.request('b'), theirs().request(null)];
    await clock.advanceAsync(100);
    expect(await Promise.all(answers)).toEqual([{ heard: { a: 1 } }, { heard: 'b' }, [null, 'too']]);
    expect([calls.pending, theirs().pending, clock.timers]).toEqual([0, 0, expect.any(Number)]);
  });

  test('may be nothing, and be answered with nothing', async () => {
    const { calls, theirs, clock } = pair();
    const heard: unknown[] = [];
    theirs().handle((data) => {
      heard.push(data);
    });
    const answer = calls.request(undefined);
    await clock.advanceAsync(100);
    expect([await answer, heard]).toEqual([undefined, [undefined]]);
  });

  test('is answered when its handler is done, whatever the others do', async () => {
    const { calls, theirs, clock } = pair();
    const finish = new Map<unknown, (answer: unknown) => void>();
    theirs().handle((data) => new Promise((resolve) => finish.set(data, resolve)));
    const [a, b] = [calls.request('a'), calls.request('b')];
    await clock.advanceAsync(100);
    finish.get('b')?.('B');
    await clock.advanceAsync(100);
    expect([await now(a), await now(b)]).toEqual(['pending', 'B']);
    finish.get('a')?.('A');
    await clock.advanceAsync(100);
    expect(await now(a)).toBe('A');
  });

  test('and its answer are not seen by those who read messages, and messages pass as ever', async () => {
    const { socket, calls, theirs, peer, client, clock } = pair();
    const messages: Data[] = [];
    peer().on('message', (message) => messages.push(message));
    theirs().handle((data) => data);
    // What looks like an envelope is none if it was sent as a message.
    const texts = ['plain', '\u0005Qforged {"a":1}', '\u0005Aforged', '\u0005=', '\u0005'];
    for (const text of texts) socket.send(text);
    const answer = calls.request(1);
    for (const text of texts) peer().send(text);
    await clock.advanceAsync(100);
    expect(await answer).toBe(1);
    expect(messages).toEqual(texts);
    expect(client.messages()).toEqual(texts);
  });

  test('overtakes messages that nobody has read, which are not acked by it', async () => {
    const { socket, calls, theirs, peer, clock } = pair();
    theirs().handle((data) => data);
    socket.send('unread');
    const answer = calls.request(1);
    await clock.advanceAsync(2000);
    expect([await now(answer), socket.pending]).toEqual([1, 2]);
    const messages = peer()[Symbol.asyncIterator]();
    expect(await messages.next()).toEqual({ done: false, value: 'unread' });
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(0);
  });

  test('can be made from inside a loop over messages', async () => {
    const { socket, calls, theirs, peer, clock } = pair();
    calls.handle((data) => data);
    const answers: unknown[] = [];
    const loop = async (): Promise<void> => {
      for await (const message of peer()) answers.push(await theirs().request(message));
    };
    void loop();
    for (const message of ['a', 'b', 'c']) socket.send(message);
    await clock.advanceAsync(1000);
    expect(answers).toEqual(['a', 'b', 'c']);
  });

  test('outlives connections, and is handled once', async () => {
    const { calls, theirs, network, clock } = pair();
    const handled: unknown[] = [];
    theirs().handle(async (data) => {
      handled.push(data);
      await new Promise((resolve) => clock.schedule(resolve as () => void, 5000));
      return data;
    });
    const answers = [calls.request(1)];
    network.cut();
    answers.push(calls.request(2));
    await clock.advanceAsync(3000);
    network.silence();
    answers.push(calls.request(3));
    await clock.advanceAsync(25_000);
    expect(await Promise.all(answers)).toEqual([1, 2, 3]);
    expect(handled).toEqual([1, 2, 3]);
  });

  test('has a codec of its own', async () => {
    const msgpack: Codec<unknown> = { encode: (value) => pack(value), decode: (data) => unpack(data as ArrayBuffer) };
    const { calls, theirs, clock } = pair({ codec: msgpack });
    theirs().handle((data) => ({ data, bytes: new Uint8Array([1, 2]) }));
    const answer = calls.request({ big: 2n ** 40n > 0, bytes: new Uint8Array([0xc1, 0]) });
    await clock.advanceAsync(100);
    expect(await answer).toEqual({
      data: { big: true, bytes: new Uint8Array([0xc1, 0]) },
      bytes: new Uint8Array([1, 2]),
    });
  });
});

describe('a request that fails', () => {
  test('since the handler threw says so, without what was thrown', async () => {
    const { calls, theirs, clock } = pair();
    const told: unknown[] = [];
    theirs().handle(
      () => {
        throw new Error('the password is 1234');
      },
      { onError: (error) => told.push(error) },
    );
    const answer = calls.request(1);
    await clock.advanceAsync(100);
    await expect(answer).rejects.toMatchObject({ code: 'REQUEST_FAILED', message: "the peer's handler failed" });
    expect(told).toEqual([new Error('the password is 1234')]);
  });

  test('since the handler threw what has no words, or will not say them, says so and ends nothing', async () => {
    const { calls, theirs, clock } = pair();
    const mute = Object.defineProperty(new Error(), 'message', {
      get() {
        throw new Error('no words');
      },
    });
    const thrown = [Object.create(null), mute];
    theirs().handle((n) => Promise.reject(thrown[n as number]), { reportErrors: true, onError: () => {} });
    const answers = [calls.request(0), calls.request(1)];
    await clock.advanceAsync(100);
    expect(await Promise.all(answers.map(now))).toEqual(['REQUEST_FAILED', 'REQUEST_FAILED']);
  });

  test('says what was thrown, if the handler may', async () => {
    const { calls, theirs, clock } = pair();
    theirs().handle(async () => Promise.reject(new Error('no such user')), { reportErrors: true, onError: () => {} });
    const answer = calls.request(1);
    await clock.advanceAsync(100);
    await expect(answer).rejects.toMatchObject({
      code: 'REQUEST_FAILED',
      message: "the peer's handler failed: no such user",
    });
  });

  test('since the answer cannot be encoded, or is too long, says so', async () => {
    const { calls, theirs, clock } = pair({}, {}, { maxPayload: 1000 });
    const told: unknown[] = [];
    calls.handle((data) => (data === 1 ? () => {} : 'x'.repeat(1001)), { onError: (error) => told.push(error) });
    const answers = [theirs().request(1), theirs().request(2)];
    await clock.advanceAsync(100);
    expect(await Promise.all(answers.map(now))).toEqual(['REQUEST_FAILED', 'REQUEST_FAILED']);
    expect(told).toMatchObject([{ code: 'INVALID_MESSAGE' }, { code: 'MESSAGE_TOO_BIG' }]);
    expect(await now(calls.request('x'.repeat(1001)))).toBe('MESSAGE_TOO_BIG');
  });

  test('since the answer is too long says so, though there was no room for that at first', async () => {
    const { socket, calls, theirs, peer, clock } = pair({}, { maxBufferedMessages: 2 }, { maxPayload: 1000 });
    for (const message of ['not', 'read']) socket.send(message);
    calls.handle(() => 'x'.repeat(1001), { onError: () => {} });
    const answer = theirs().request(1);
    await clock.advanceAsync(1000);
    expect(await now(answer)).toBe('pending');
    peer().on('message', () => {});
    await clock.advanceAsync(1000);
    expect(await now(answer)).toBe('REQUEST_FAILED');
  });

  test('since nobody handles it says so; who stopped handling does not any more', async () => {
    const { calls, theirs, clock } = pair();
    const first = calls.request(1);
    await clock.advanceAsync(100);
    await expect(first).rejects.toMatchObject({ code: 'REQUEST_REFUSED', message: /handles no requests/ });
    theirs().handle(() => 1)();
    const second = calls.request(1);
    await clock.advanceAsync(100);
    expect(await now(second)).toBe('REQUEST_REFUSED');
    theirs().handle(() => 1);
    const third = calls.request(1);
    await clock.advanceAsync(100);
    expect(await third).toBe(1);
  });

  test('since it cannot be encoded is not sent', async () => {
    const { calls, received } = alone();
    await expect(calls.request(1n)).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
    expect([received, calls.pending]).toEqual([[], 0]);
  });

  test('for want of an answer is told in time, and its handler too', async () => {
    const { calls, theirs, clock } = pair({ timeout: 1000 });
    const aborted: number[] = [];
    theirs().handle((_, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(clock.now()));
      return new Promise(() => {});
    });
    const began = clock.now();
    const [early, late] = [calls.request(1), calls.request(2, { timeout: 5000 })];
    await clock.advanceAsync(999);
    expect(await now(early)).toBe('pending');
    await clock.advanceAsync(1);
    expect([await now(early), await now(late)]).toEqual(['REQUEST_TIMEOUT', 'pending']);
    await clock.advanceAsync(4000);
    expect(await now(late)).toBe('REQUEST_TIMEOUT');
    await clock.advanceAsync(100);
    expect(aborted.map((at) => at - began)).toEqual([1010, 5010]);
    expect(calls.pending).toBe(0);
  });

  test('for ever is never told with a timeout of Infinity', async () => {
    const { calls, clock } = alone({ timeout: Number.POSITIVE_INFINITY }, { heartbeat: false });
    const answer = calls.request(1);
    await clock.advanceAsync(100_000_000);
    expect(await now(answer)).toBe('pending');
  });

  test('by its signal is told at once, and what its handler then throws is nobody’s business', async () => {
    const { calls, theirs, clock } = pair();
    const told: unknown[] = [];
    theirs().handle(
      (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
      { onError: (error) => told.push(error) },
    );
    const controller = new AbortController();
    const answer = calls.request(1, { signal: controller.signal });
    await clock.advanceAsync(100);
    controller.abort('changed my mind');
    await expect(answer).rejects.toMatchObject({ code: 'ABORTED', cause: 'changed my mind' });
    await clock.advanceAsync(100);
    expect(told).toEqual([]);
    await expect(calls.request(2, { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(calls.pending).toBe(0);
  });

  test('is taken back even if there is no room for that at first', async () => {
    const { calls, received, clock, network } = alone({}, { maxBufferedMessages: 1 });
    network.cut();
    const controller = new AbortController();
    const answer = calls.request(1, { signal: controller.signal });
    controller.abort();
    expect(await now(answer)).toBe('ABORTED');
    await clock.advanceAsync(5000);
    expect(received.map((data) => String(data).slice(0, 2))).toEqual(['\u0005Q', '\u0005C']);
  });

  test('while it waits for room is not sent', async () => {
    const { calls, received, clock, network, socket } = alone({}, { maxBufferedMessages: 1 });
    network.cut();
    socket.send('fills the buffer');
    const controller = new AbortController();
    const answer = calls.request(1, { signal: controller.signal });
    controller.abort();
    expect(await now(answer)).toBe('ABORTED');
    await clock.advanceAsync(5000);
    expect(received).toEqual(['fills the buffer']);
  });

  test('while it waits for room keeps nobody waiting who waits behind it', async () => {
    const { calls, received, clock, network, socket } = alone({}, { maxBufferedMessages: 1 });
    network.cut();
    socket.send('fills the buffer');
    const controller = new AbortController();
    const ask = (): void => void calls.request(1, { signal: controller.signal }).catch(() => {});
    ask();
    const first = socket.write('first');
    ask();
    const drained = socket.drain();
    for (let n = 0; n < 5; n++) ask();
    controller.abort();
    expect([await now(first), await now(drained)]).toEqual(['pending', 'pending']);
    await clock.advanceAsync(5000);
    expect([await now(first), await now(drained)]).toEqual([undefined, undefined]);
    expect(received).toEqual(['fills the buffer', 'first']);
  });
});

describe('without a session', () => {
  test('a request is lost with its connection, one that waits for the next is not', async () => {
    const { calls, network, server, id, clock } = alone();
    const lost = calls.request(1);
    network.cut();
    await expect(lost).rejects.toMatchObject({ code: 'REQUEST_LOST', ending: { cause: 'lost' } });
    const waits = calls.request(2);
    await clock.advanceAsync(5000);
    server().send(`\u0005A${id()} "two"`);
    await clock.advanceAsync(100);
    expect(await waits).toBe('two');
  });

  test('what is being handled when the connection is lost is not answered on the next', async () => {
    const { calls, network, server, received, clock } = alone();
    let finish = (_: unknown): void => {};
    const signals: boolean[] = [];
    calls.handle((_, { signal }) => {
      signal.addEventListener('abort', () => signals.push(true));
      return new Promise((resolve) => {
        finish = resolve;
      });
    });
    server().send('\u0005Qx-1 1');
    await clock.advanceAsync(100);
    network.cut();
    await clock.advanceAsync(5000);
    finish('late');
    await clock.advanceAsync(1000);
    expect([signals, received]).toEqual([[true], []]);
  });

  test('ids differ from socket to socket, so that no late answer is taken for another’s', async () => {
    const ids = await Promise.all(
      [0.1, 0.2].map(async (chance) => {
        const { calls, id, clock } = alone({}, { random: () => chance });
        calls.request(1).catch(() => {});
        await clock.advanceAsync(100);
        return id();
      }),
    );
    expect(new Set(ids).size).toBe(2);
  });

  test('a request on a rotated connection that its server does not know is lost', async () => {
    const { calls, socket, server, received, id, clock } = alone();
    const answer = calls.request(1);
    await clock.advanceAsync(100);
    const asked = id();
    socket.rotate();
    await clock.advanceAsync(100);
    expect(received.at(-1)).toBe(`\u0005H${asked}`);
    server().send(`\u0005L${asked}`);
    await clock.advanceAsync(100);
    expect(await now(answer)).toBe('REQUEST_LOST');
  });
});

describe('the end', () => {
  test('of the socket rejects all that is pending, and aborts all that is handled', async () => {
    const { socket, calls, theirs, clock } = pair();
    const signals: string[] = [];
    const hang =
      (who: string) =>
      (_: unknown, { signal }: { signal: AbortSignal }) => {
        signal.addEventListener('abort', () => signals.push(who));
        return new Promise(() => {});
      };
    theirs().handle(hang('server'));
    calls.handle(hang('client'));
    const [mine, yours] = [calls.request(1), theirs().request(2)];
    await clock.advanceAsync(100);
    socket.close();
    await clock.advanceAsync(1000);
    expect([await now(mine), await now(yours), await now(calls.request(3))]).toEqual(['CLOSED', 'CLOSED', 'CLOSED']);
    expect(signals.sort()).toEqual(['client', 'server']);
  });

  test('of the session loses what it had, and what is asked then is asked in the next', async () => {
    const { socket, server, network, calls, clock } = pair();
    const losses: unknown[] = [];
    socket.on('lost', (loss) => losses.push(loss));
    const lost = calls.request(1);
    socket.send('a message');
    server.crash();
    const next = new SessionServer(network, {}, 'next-');
    next.onsession = (socket) => requests(socket).handle((data) => data);
    network.serve(next.take);
    await clock.advanceAsync(5000);
    await expect(lost).rejects.toMatchObject({ code: 'REQUEST_LOST', message: /the session is lost: unknown/ });
    // The request is told of by its promise, and is no message of the application's.
    expect(losses).toMatchObject([{ messages: ['a message'] }]);
    const found = calls.request(2);
    await clock.advanceAsync(100);
    expect(await found).toBe(2);
  });

  test('of the session does not lose what was still waiting for room in it', async () => {
    const { socket, server, network, calls, clock } = pair({}, { maxBufferedMessages: 1 });
    socket.send('unread');
    const waits = calls.request(1);
    await clock.advanceAsync(100);
    server.crash();
    const next = new SessionServer(network, {}, 'next-');
    next.onsession = (socket) => requests(socket).handle((data) => data);
    network.serve(next.take);
    await clock.advanceAsync(5000);
    expect(await now(waits)).toBe(1);
  });

  test('of a request leaves nothing on its signal', async () => {
    const { calls, server, id, clock } = alone();
    const listeners = new Set<unknown>();
    const signal = {
      aborted: false,
      addEventListener: (_: string, listener: unknown) => listeners.add(listener),
      removeEventListener: (_: string, listener: unknown) => listeners.delete(listener),
    };
    const answer = calls.request(1, { signal });
    expect(listeners.size).toBe(1);
    await clock.advanceAsync(100);
    server().send(`\u0005A${id()} 1`);
    await clock.advanceAsync(100);
    expect([await answer, listeners.size]).toEqual([1, 0]);
  });

  test('leaves no timer behind', async () => {
    const { socket, calls, clock } = alone();
    const answer = calls.request(1);
    expect(clock.timers).toBe(2);
    socket.close();
    await clock.advanceAsync(100);
    expect([await now(answer), clock.timers]).toEqual(['CLOSED', 0]);
  });

  test('of a life is not that of the next', async () => {
    const { socket, calls, id, server, clock } = alone();
    socket.close();
    await clock.advanceAsync(1000);
    expect(await now(calls.request(1))).toBe('CLOSED');
    socket.connect();
    const answer = calls.request(2);
    await clock.advanceAsync(1000);
    server().send(`\u0005A${id()} true`);
    await clock.advanceAsync(100);
    expect(await answer).toBe(true);
  });

  test('of a server that was at work on it, though the session goes on elsewhere, is told', async () => {
    const clock = new VirtualClock();
    const network = new SimulatedNetwork({ clock });
    const store = memoryStore({ clock });
    const [old, next] = [new SessionServer(network, { store }, 'old-'), new SessionServer(network, { store }, 'next-')];
    const handled: unknown[] = [];
    old.onsession = (socket) =>
      requests(socket).handle((data) => {
        handled.push(data);
        return new Promise(() => {});
      });
    next.onsession = (socket) => requests(socket).handle((data) => [data, 'by the next']);
    network.serve(old.take);
    const socket = new LongSocket('ws://host', { session: true, clock, dial: network.dial, random: () => 0.5 });
    const calls = requests(socket);
    await clock.advanceAsync(1000);
    const working = calls.request(1);
    await clock.advanceAsync(100);
    network.serve(next.take);
    // It is on its way, and the first server does not live to see it.
    const coming = calls.request(2);
    old.host.drain(1000, 100);
    await clock.advanceAsync(5000);
    await expect(working).rejects.toMatchObject({ code: 'REQUEST_LOST', message: /does not know of it/ });
    const [, later] = [await now(coming), calls.request(3)];
    await clock.advanceAsync(100);
    expect(await later).toEqual([3, 'by the next']);
    expect(handled[0]).toBe(1);
    expect(socket.state.status).toBe('connected');
  });
});

describe('what a peer may do', () => {
  test.each([
    ['an answer to nothing', ['\u0005Anobody "x"', '\u0005Enobody handler', '\u0005Lnobody', '\u0005Cnobody'], 0],
    ['envelopes that are none', ['\u0005', '\u0005Q', '\u0005Z1', '\u0005Q__proto__ 1 2', '\u0005Qa\u0000'], 5],
    ['requests that cannot be read', ['\u0005Qa {', '\u0005Qb {"a":', '\u0005Qc undefined'], 3],
  ])('%s harms nobody', async (_, envelopes, errors) => {
    const { calls, server, socket, clock, details, names } = alone();
    calls.handle(() => 'fine');
    for (const data of envelopes) server().send(data);
    const answer = calls.request(1);
    await clock.advanceAsync(100);
    expect(details('error')).toHaveLength(errors);
    for (const error of details('error'))
      expect(error).toMatchObject({ code: 'INVALID_MESSAGE', data: expect.anything() });
    expect(details('message')).toEqual([]);
    expect([names().includes('interrupted'), socket.state.status]).toEqual([false, 'connected']);
    expect(await now(answer)).toBe('pending');
  });

  test('an id that is special in JavaScript is an id like any other', async () => {
    const { calls, server, received, clock } = alone();
    calls.handle((data) => data);
    for (const id of ['__proto__', 'constructor', 'toString']) server().send(`\u0005Q${id} {"__proto__":{"a":1}}`);
    await clock.advanceAsync(100);
    expect(received).toEqual(
      ['__proto__', 'constructor', 'toString'].map((id) => `\u0005A${id} {"__proto__":{"a":1}}`),
    );
    expect('a' in {}).toBe(false);
  });

  test('only the first answer counts', async () => {
    const { calls, server, id, clock, details } = alone();
    const answer = calls.request(1);
    await clock.advanceAsync(100);
    for (const body of ['"first"', '"second"']) server().send(`\u0005A${id()} ${body}`);
    server().send(`\u0005E${id()} handler`);
    await clock.advanceAsync(100);
    expect([await answer, details('error')]).toEqual(['first', []]);
  });

  test('an answer that cannot be read, or does not fit, rejects with it', async () => {
    const { calls, server, id, clock } = alone();
    const first = calls.request(1);
    await clock.advanceAsync(100);
    server().send(`\u0005A${id()} {`);
    await clock.advanceAsync(100);
    await expect(first).rejects.toMatchObject({ code: 'INVALID_MESSAGE', data: '{' });
    const second = calls.request(2, { schema: z.object({ n: z.number() }) });
    await clock.advanceAsync(100);
    server().send(`\u0005A${id()} {"n":"two"}`);
    await clock.advanceAsync(100);
    await expect(second).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
      data: '{"n":"two"}',
      cause: [{ path: ['n'] }],
    });
  });

  test('a request that does not fit is refused, and told as an error', async () => {
    const { calls, theirs, errors, clock } = pair();
    theirs().handle(({ n }) => n + 1, { schema: z.object({ n: z.number() }) });
    const [good, bad] = [calls.request({ n: 1 }), calls.request({ n: '1' })];
    await clock.advanceAsync(100);
    expect(await good).toBe(2);
    await expect(bad).rejects.toMatchObject({ code: 'REQUEST_REFUSED', message: /does not fit its schema/ });
    expect(errors).toMatchObject([{ code: 'INVALID_MESSAGE', cause: [{ path: ['n'] }] }]);
  });

  test('a flood of requests is handled up to a limit, and refused beyond it', async () => {
    const { calls, server, received, clock } = alone({ maxHandled: 3 });
    let handled = 0;
    calls.handle(() => {
      handled++;
      return new Promise(() => {});
    });
    for (let n = 0; n < 10; n++) server().send(`\u0005Qx${n} 1`);
    await clock.advanceAsync(100);
    expect(handled).toBe(3);
    expect(received).toEqual(Array.from({ length: 7 }, (_, n) => `\u0005Ex${n + 3} busy`));
  });

  test('a flood of requests taken back at once is refused beyond the limit too, until handlers are done', async () => {
    const { calls, server, received, clock } = alone({ maxHandled: 3 });
    const finish: (() => void)[] = [];
    calls.handle(() => new Promise<void>((resolve) => finish.push(resolve)));
    for (let n = 0; n < 10; n++) {
      server().send(`\u0005Qx${n} 1`);
      server().send(`\u0005Cx${n}`);
    }
    await clock.advanceAsync(100);
    expect(finish.length).toBe(3);
    expect(received).toEqual(Array.from({ length: 7 }, (_, n) => `\u0005Ex${n + 3} busy`));
    for (const done of finish) done();
    await settle();
    for (let n = 10; n < 14; n++) server().send(`\u0005Qx${n} 1`);
    await clock.advanceAsync(100);
    expect([finish.length, received.at(-1)]).toEqual([6, '\u0005Ex13 busy']);
  });

  test('a flood of one’s own is refused beyond a limit', async () => {
    const { calls } = alone({ maxPending: 2 });
    const all = [1, 2, 3].map((n) => calls.request(n));
    expect(await Promise.all(all.map(now))).toEqual(['pending', 'pending', 'QUOTA_EXCEEDED']);
  });

  test('refusals to one who reads nothing do not pile up: without room they are not sent', async () => {
    const { socket, theirs, peer, clock } = pair({ timeout: 10_000 }, { maxBufferedMessages: 5 });
    for (let n = 0; n < 5; n++) socket.send('unread');
    const refused = Array.from({ length: 100 }, () => theirs().request(1));
    for (const request of refused) request.catch(() => {});
    await clock.advanceAsync(1000);
    peer().on('message', () => {});
    await clock.advanceAsync(1000);
    expect(new Set(await Promise.all(refused.map(now)))).toEqual(new Set(['pending']));
    await clock.advanceAsync(10_000);
    expect(new Set(await Promise.all(refused.map(now)))).toEqual(new Set(['REQUEST_TIMEOUT']));
  });

  test('the same request twice at once is handled once', async () => {
    const { calls, server, clock, details } = alone();
    let handled = 0;
    calls.handle(() => {
      handled++;
      return new Promise(() => {});
    });
    for (let n = 0; n < 2; n++) server().send('\u0005Qx 1');
    await clock.advanceAsync(100);
    expect([handled, details('error').length]).toEqual([1, 1]);
  });
});

describe('what is wrong', () => {
  test('is said: a second call, a second handler, a handler that is none, options', () => {
    const { calls, socket } = alone();
    expect(() => requests(socket)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    const stop = calls.handle(() => 1);
    expect(() => calls.handle(() => 2)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    stop();
    expect(() => calls.handle('no' as never)).toThrow(/handler must be a function/);
    const fresh = new LongSocket('ws://host', { autoConnect: false });
    expect(() => requests(fresh, { timeout: 0 })).toThrow(/`requests.timeout`/);
    expect(() => requests(fresh, { maxHandled: 1.5 })).toThrow(/`requests.maxHandled`/);
    expect(() => calls.handle(() => 1, { schema: 5 as never })).toThrow(/`handle.schema`/);
  });

  test('with a request rejects it', async () => {
    const { calls } = alone();
    await expect(calls.request(1, { timeout: -1 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(calls.request(1, { signal: {} as never })).rejects.toThrow(/`request.signal`/);
  });
});

describe('the types', () => {
  interface Ask {
    readonly ask: string;
  }
  interface Answer {
    readonly answer: number;
  }
  const socket = new LongSocket('ws://host', { autoConnect: false, codec: json<'in', 'out'>() });

  test('are what is said', () => {
    const use = async (): Promise<void> => {
      const calls = requests<Ask, Answer>(socket);
      expectTypeOf(await calls.request({ ask: 'a' })).toEqualTypeOf<Answer>();
      calls.handle((data, { signal }) => {
        expectTypeOf(data).toEqualTypeOf<Ask>();
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        return { answer: 1 };
      });
      // @ts-expect-error: that is not what is asked
      await calls.request({ answer: 1 });
      const both = requests<Ask, Answer, 'peer asks', 'peer is answered'>(socket as Socket<'in', 'out'>);
      both.handle((data) => {
        expectTypeOf(data).toEqualTypeOf<'peer asks'>();
        return 'peer is answered';
      });
    };
    expectTypeOf(use).toBeFunction();
  });

  test('follow from schemas', () => {
    const use = async (): Promise<void> => {
      const calls = requests(socket);
      expectTypeOf(await calls.request(1)).toEqualTypeOf<unknown>();
      expectTypeOf(await calls.request(1, { schema: z.object({ n: z.number() }) })).toEqualTypeOf<{ n: number }>();
      calls.handle((data) => expectTypeOf(data).toEqualTypeOf<{ n: number }>(), {
        schema: z.object({ n: z.number() }),
      });
    };
    expectTypeOf(use).toBeFunction();
  });
});
