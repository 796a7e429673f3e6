import { afterEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import { LongSocket } from '../../src/index.js';
import { json } from '../../src/messages.js';
import { readable, writable } from '../../src/streams.js';
import { sessionPair } from '../helpers/session-pair.js';
import { fateOf, settle, simulated } from '../socket/simulated.js';

afterEach(() => vi.unstubAllGlobals());

function connected(...[options]: Parameters<typeof simulated<string, string>>) {
  const world = simulated<string, string>(options);
  world.clock.advance(100);
  return world;
}

/** A pair with a session whose server's application reads nothing yet. */
function pair(...[options]: Parameters<typeof sessionPair<string, string>>) {
  const world = sessionPair<string, string>(options, { reads: false });
  world.clock.advance(100);
  return world;
}

const CLOSED = expect.objectContaining({ name: 'LongSocketError', code: 'CLOSED' });

describe('readable', () => {
  test('brings the messages from now on, and closes with the socket', async () => {
    const { socket, server, clock } = connected();
    const reader = readable(socket).getReader();
    for (const data of ['a', 'b']) server().send(data);
    await clock.advanceAsync(100);
    expect(await reader.read()).toEqual({ done: false, value: 'a' });
    socket.close();
    await clock.advanceAsync(100);
    expect(await reader.read()).toEqual({ done: false, value: 'b' });
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    await reader.closed;
  });

  test('errors with what the socket failed by, behind what had come', async () => {
    const { socket, server, clock } = connected({ maxAttempts: 1, minUptime: 1_000_000 });
    const reader = readable(socket).getReader();
    server().send('a');
    clock.advance(20);
    server().terminate();
    await clock.advanceAsync(100);
    expect(await reader.read()).toEqual({ done: false, value: 'a' });
    await expect(reader.read()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await expect(reader.closed).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  test('without a session errors when it is not read, behind what was buffered', async () => {
    const { socket, server, clock } = connected({ maxBufferedMessages: 2 });
    const reader = readable(socket).getReader();
    for (const data of ['a', 'b', 'c']) server().send(data);
    await clock.advanceAsync(100);
    expect([await reader.read(), await reader.read()]).toMatchObject([{ value: 'a' }, { value: 'b' }]);
    await expect(reader.read()).rejects.toMatchObject({ code: 'READER_TOO_SLOW' });
    expect(socket.state.status).toBe('connected');
  });

  test('with a session takes what it is asked for and no more, which is what the peer knows to be read', async () => {
    const { socket, peer, clock } = pair();
    const reader = readable(peer()).getReader();
    for (const data of ['a', 'b', 'c']) socket.send(data);
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(3);
    expect(await reader.read()).toEqual({ done: false, value: 'a' });
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(2);
    await reader.cancel();
    // What it did not read is the next one's.
    const next = readable(peer()).getReader();
    expect([await next.read(), await next.read()]).toMatchObject([{ value: 'b' }, { value: 'c' }]);
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(0);
  });

  test('that owns the socket closes it when it errors', async () => {
    const { socket, server, clock, details } = connected({ maxBufferedMessages: 1 });
    const reader = readable(socket, { closeSocket: true }).getReader();
    for (const data of ['a', 'b']) server().send(data);
    await clock.advanceAsync(100);
    await reader.read();
    await expect(reader.read()).rejects.toMatchObject({ code: 'READER_TOO_SLOW' });
    await clock.advanceAsync(100);
    expect(details('close')).toMatchObject([{ cause: 'caller', code: 1000 }]);
  });

  test('leaves the socket open when it is cancelled, unless it is asked to close it', async () => {
    const { socket, clock } = connected();
    await readable(socket).cancel();
    await clock.advanceAsync(1000);
    expect(socket.state.status).toBe('connected');
    await readable(socket, { closeSocket: true }).cancel();
    await clock.advanceAsync(1000);
    expect(await socket.closed).toMatchObject({ code: 1000, wasClean: true });
  });
});

describe('writable', () => {
  test('sends its chunks, and is closed when all are handed over; the socket stays open', async () => {
    const { socket, received, clock } = connected();
    const writer = writable(socket).getWriter();
    void writer.write('a');
    void writer.write('b');
    await writer.close();
    await clock.advanceAsync(100);
    expect([received, socket.state.status]).toEqual([['a', 'b'], 'connected']);
    // Nothing of it listens any more.
    socket.close();
    await clock.advanceAsync(100);
    await writer.closed;
  });

  test('with a session is closed when the peer’s application has had all', async () => {
    const { socket, peer, clock } = pair();
    const writer = writable(socket).getWriter();
    void writer.write('a');
    const closed = writer.close();
    await clock.advanceAsync(2000);
    expect(await fateOf(closed)).toBe('pending');
    peer().on('message', () => {});
    await clock.advanceAsync(2000);
    expect(await fateOf(closed)).toBe('resolved');
  });

  test('that owns the socket closes it behind all messages', async () => {
    const { socket, peer, clock } = pair();
    const heard: unknown[] = [];
    peer().on('message', (message) => heard.push(message));
    const writer = writable(socket, { closeSocket: true }).getWriter();
    void writer.write('a');
    const closed = writer.close();
    await clock.advanceAsync(2000);
    await closed;
    expect([heard, await socket.closed]).toMatchObject([['a'], { code: 1000, undelivered: 0, unconfirmed: 0 }]);
  });

  test('that owns the socket says if not all got through', async () => {
    const { socket, network, clock } = pair();
    const writer = writable(socket, { closeSocket: true }).getWriter();
    void writer.write('a');
    network.silence();
    network.dials = 'hang';
    const closed = writer.close();
    const fate = expect(closed).rejects.toEqual(CLOSED);
    await clock.advanceAsync(20_000);
    await fate;
  });

  test('errors when the socket is closed, or fails', async () => {
    for (const [end, code] of [
      [(world: ReturnType<typeof connected>) => world.socket.close(), 'CLOSED'],
      [(world: ReturnType<typeof connected>) => world.server().close(1008, 'no'), 'PEER_CLOSED'],
    ] as const) {
      const world = connected();
      const writer = writable(world.socket).getWriter();
      end(world);
      await world.clock.advanceAsync(1000);
      await expect(writer.closed).rejects.toMatchObject({ code });
      await expect(writer.write('a')).rejects.toMatchObject({ code });
    }
  });

  test('of a socket that is closed already refuses the first chunk', async () => {
    const { socket, clock } = connected();
    socket.close();
    await clock.advanceAsync(100);
    await expect(writable(socket).getWriter().write('a')).rejects.toEqual(CLOSED);
  });

  test('errors with a message that cannot be sent; the socket goes on', async () => {
    const { socket, received, clock } = connected();
    const writer = writable(socket).getWriter();
    await expect(writer.write(5 as never)).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
    await expect(writer.closed).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
    socket.send('a');
    clock.advance(100);
    expect(received).toEqual(['a']);
  });

  test('errors when its session is lost before all arrived, if it was closing', async () => {
    const { socket, server, clock, network } = pair({ onLost: 'close' });
    const writer = writable(socket).getWriter();
    void writer.write('a');
    const fate = expect(writer.close()).rejects.toMatchObject({ code: 'SESSION_LOST' });
    await settle();
    server.crash();
    const { SessionServer } = await import('../sim/session-network.js');
    network.serve(new SessionServer(network, {}, 'next-').take);
    await clock.advanceAsync(10_000);
    await fate;
  });

  test('can be aborted while it waits for room; what the socket had stays its own', async () => {
    const { socket, received, network, clock } = connected({ maxBufferedMessages: 1 });
    network.cut();
    const writer = writable(socket).getWriter();
    await writer.write('a');
    const waiting = writer.write('b');
    const dropped = writer.write('c');
    const fates = Promise.all(
      [waiting, dropped, writer.closed].map((promise) => expect(promise).rejects.toBe('enough')),
    );
    await writer.abort('enough');
    await fates;
    await clock.advanceAsync(5000);
    expect([received, socket.state.status]).toEqual([['a', 'b'], 'connected']);
  });

  test('can be aborted while it closes, which the peer may never let it', async () => {
    const { socket, clock } = pair();
    const writer = writable(socket).getWriter();
    await writer.write('unread');
    const closing = writer.close();
    await clock.advanceAsync(1000);
    expect(await fateOf(closing)).toBe('pending');
    const aborting = writer.abort('enough');
    await expect(closing).rejects.toBe('enough');
    // As the standard has it: it was too late for `abort()` of the sink.
    await expect(aborting).rejects.toBe('enough');
    expect(socket.state.status).toBe('connected');
  });

  test('that owns the socket closes it when it errors', async () => {
    const { socket, clock, details } = connected();
    const writer = writable(socket, { closeSocket: true }).getWriter();
    writer.closed.catch(() => {});
    await expect(writer.write(1 as never)).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
    await clock.advanceAsync(100);
    expect(details('close')).toMatchObject([{ cause: 'caller', code: 1000 }]);
  });

  test('that owns the socket closes it when it is aborted', async () => {
    const { socket, clock } = connected();
    await writable(socket, { closeSocket: true }).abort('enough');
    await clock.advanceAsync(100);
    expect(await socket.closed).toMatchObject({ code: 1000 });
  });
});

describe('backpressure', () => {
  test('reaches from a slow reader to the writer at the other end, within the bounds of the session', async () => {
    const { socket, peer, clock } = pair({ maxBufferedMessages: 8, maxBufferedBytes: 8 * 1024 });
    const most = { ahead: 0 };
    let produced = 0;
    const read: string[] = [];
    const source = new ReadableStream<string>(
      {
        pull(controller) {
          if (produced === 500) controller.close();
          else controller.enqueue(String(produced++).padEnd(1000, '.'));
          most.ahead = Math.max(most.ahead, produced - read.length);
        },
      },
      { highWaterMark: 0 },
    );
    const piped = source.pipeTo(writable(socket));
    await clock.advanceAsync(5000);
    // Nobody reads: it has stopped. What the session retains, one that waits, and one in the stream.
    const stopped = produced;
    expect(stopped).toBeLessThanOrEqual(11);
    await clock.advanceAsync(20_000);
    expect(produced).toBe(stopped);

    const reader = readable(peer() as never).getReader() as ReadableStreamDefaultReader<string>;
    while (read.length < 500) {
      const { value } = await reader.read();
      read.push(value as string);
      await clock.advanceAsync(50);
    }
    await clock.advanceAsync(2000);
    await piped;
    expect(read.map(Number.parseFloat)).toEqual(Array.from({ length: 500 }, (_, n) => n));
    expect(most.ahead).toBeLessThanOrEqual(12);
  });

  test('holds over cuts and rotations, and nothing is lost', async () => {
    const { socket, peer, network, clock } = pair({ maxBufferedMessages: 8 });
    const numbers = Array.from({ length: 300 }, (_, n) => String(n));
    const source = new ReadableStream<string>({
      start(controller) {
        for (const number of numbers) controller.enqueue(number);
        controller.close();
      },
    });
    const piped = source.pipeTo(writable(socket));
    const read: unknown[] = [];
    const sink = new WritableStream({
      write: (message) => {
        read.push(message);
        return new Promise((resolve) => clock.schedule(resolve as () => void, 20));
      },
    });
    const stop = new AbortController();
    const drained = readable(peer())
      .pipeTo(sink, { signal: stop.signal })
      .catch(() => {});
    for (let round = 0; round < 40; round++) {
      if (round % 4 === 0) network.cut();
      if (round % 4 === 2) socket.rotate();
      await clock.advanceAsync(700);
    }
    await piped;
    stop.abort();
    await drained;
    expect(read).toEqual(numbers);
  });
});

describe('with a codec', () => {
  test('streams are of its messages', async () => {
    const { socket, server, received, clock } = simulated({ codec: json<{ in: number }, { out: string }>() });
    clock.advance(100);
    const reader = readable(socket).getReader();
    const writer = writable(socket).getWriter();
    expectTypeOf(readable(socket)).toEqualTypeOf<ReadableStream<{ in: number }>>();
    expectTypeOf(writable(socket)).toEqualTypeOf<WritableStream<{ out: string }>>();
    server().send('{"in":1}');
    await writer.write({ out: 'a' });
    await clock.advanceAsync(100);
    expect(await reader.read()).toEqual({ done: false, value: { in: 1 } });
    expect(received).toEqual(['{"out":"a"}']);
  });
});

describe('what is wrong', () => {
  const socket = new LongSocket('ws://host', { autoConnect: false });

  test('is said of options', () => {
    expect(() => readable(socket, { closeSocket: 1 as never })).toThrow(/`stream.closeSocket` must be a boolean/);
    expect(() => writable(socket, { close: true } as never)).toThrow(/unknown option `stream.close`/);
  });

  test.each(['ReadableStream', 'WritableStream'])('is said of a platform without %s', (name) => {
    vi.stubGlobal(name, undefined);
    const open = name === 'ReadableStream' ? readable : writable;
    expect(() => open(socket)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });
});
