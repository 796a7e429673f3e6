import { describe, expect, test } from 'vitest';
import type { Greeting, LongSocketOptions } from '../../src/client/options.js';
import { fateOf, settle, simulated } from '../socket/simulated.js';

type Hook = NonNullable<LongSocketOptions['onConnect']>;

/** A socket whose server answers `token` with `welcome`. */
function greeted(onConnect: Hook, options: LongSocketOptions = {}) {
  const given = simulated({ onConnect, ...options });
  given.network.serve((server) => {
    given.servers.push(server);
    server.onmessage = (data) => {
      given.received.push(data);
      if (data === 'token') server.send('welcome');
    };
  });
  return given;
}

describe('onConnect', () => {
  test('finishes before open is told and anything that waits is sent', async () => {
    const answers: unknown[] = [];
    const { socket, clock, received, names } = greeted(async (connection) => {
      connection.send('token');
      answers.push(await connection.receive());
      connection.send('second');
    });
    socket.send('queued');
    await clock.advanceAsync(35);
    expect(received).toEqual(['token']);
    expect(names()).toEqual([]);
    expect(socket.state.status).toBe('connecting');
    await clock.advanceAsync(100);
    expect(answers).toEqual(['welcome']);
    expect(names()).toEqual(['open']);
    expect(received).toEqual(['token', 'second', 'queued']);
  });

  test('may be synchronous', async () => {
    const { clock, names, received } = greeted((connection) => connection.send('token'));
    await clock.advanceAsync(100);
    expect(names()).toEqual(['open', 'message']);
    expect(received).toEqual(['token']);
  });

  test('is told the subprotocol, the url, and whether it is a reconnection', async () => {
    const seen: unknown[] = [];
    const { clock, network, socket } = greeted(({ protocol, url, reconnected }) => {
      seen.push([protocol, url, reconnected]);
    });
    await clock.advanceAsync(100);
    network.cut();
    await clock.advanceAsync(1000);
    expect(seen).toEqual([
      ['', 'ws://host/', false],
      ['', 'ws://host/', true],
    ]);
    socket.close();
  });

  test('leaves what it did not receive to the application, behind open and before what comes later', async () => {
    const { clock, server, details, names } = greeted(async (connection) => {
      connection.send('token');
      await connection.receive();
    });
    await clock.advanceAsync(25);
    for (const data of ['early', 'earlier']) server().send(data);
    await clock.advanceAsync(100);
    server().send('late');
    await clock.advanceAsync(100);
    expect(names()).toEqual(['open', 'message', 'message', 'message']);
    expect(details('message')).toHaveLength(3);
  });

  test('gets messages in order, asked for before or behind their arrival', async () => {
    const got: unknown[] = [];
    const { clock, server } = greeted(async (connection) => {
      const early = [connection.receive(), connection.receive()];
      got.push(...(await Promise.all(early)));
      got.push(await connection.receive());
    });
    await clock.advanceAsync(25);
    for (const data of ['a', 'b', 'c']) server().send(data);
    await clock.advanceAsync(100);
    expect(got).toEqual(['a', 'b', 'c']);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('wrong');
      },
    ],
    ['rejects', () => Promise.reject(new Error('wrong'))],
  ])('that %s is a failed attempt, with the connection given up and another dialed', async (_, hook) => {
    const { clock, details, names, network, socket } = greeted(hook);
    await clock.advanceAsync(30);
    expect(details('error')).toMatchObject([{ code: 'HOOK_FAILED', cause: { message: 'wrong' } }]);
    expect(names()).not.toContain('interrupted');
    expect(network.open).toBe(0);
    await clock.advanceAsync(1000);
    expect(network.dialed).toBeGreaterThan(1);
    socket.close();
  });

  test.each([{ token: 1 }, undefined, 5])('that sends %o, which is no message, has failed', async (poison) => {
    const { clock, details, socket } = greeted((connection) => connection.send(poison as never));
    await clock.advanceAsync(30);
    expect(details('error')).toMatchObject([{ code: 'HOOK_FAILED', cause: { code: 'INVALID_MESSAGE' } }]);
    socket.close();
  });

  test('may use its bytes again at once', async () => {
    const { clock, received } = greeted((connection) => {
      const bytes = new Uint8Array([1]);
      connection.send(bytes);
      bytes[0] = 9;
    });
    await clock.advanceAsync(100);
    expect(received).toEqual([new Uint8Array([1])]);
  });

  test('that hangs is given up at connectTimeout', async () => {
    const { clock, details } = greeted(() => new Promise(() => {}));
    await clock.advanceAsync(10_000);
    expect(details('error')).toMatchObject([{ code: 'CONNECT_TIMEOUT', ending: { phase: 'greeting' } }]);
  });

  test('whose connection is lost hears of it from receive() and send(), and what it does then changes nothing', async () => {
    let connection: Greeting | undefined;
    let pending: Promise<unknown> = Promise.resolve();
    const { clock, network, details, socket } = greeted(async (given) => {
      connection ??= given;
      pending = given.receive();
      await pending;
    });
    await clock.advanceAsync(30);
    network.cut();
    expect(await fateOf(pending)).toBe('rejected');
    await expect(connection?.receive()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => connection?.send('x')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await settle();
    expect(details('error')).toMatchObject([{ code: 'CONNECTION_LOST', ending: { phase: 'greeting' } }]);
    expect(details('error')).toHaveLength(1);
    socket.close();
  });

  test('may not use its connection when it is done', async () => {
    let connection: Greeting | undefined;
    const { clock, received } = greeted((given) => {
      connection = given;
    });
    await clock.advanceAsync(100);
    expect(() => connection?.send('x')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(received).toEqual([]);
  });

  test('a late end of a hook whose connection is gone does not open the next', async () => {
    const finish: (() => void)[] = [];
    const { clock, network, names } = greeted(() => new Promise<void>((resolve) => finish.push(resolve)));
    await clock.advanceAsync(30);
    network.cut();
    await clock.advanceAsync(1000);
    expect(finish).toHaveLength(2);
    finish[0]?.();
    await settle();
    expect(names()).not.toContain('open');
    finish[1]?.();
    await settle();
    expect(names()).toContain('open');
  });

  test('close() while it works ends at once', async () => {
    const { clock, socket, details, network } = greeted(() => new Promise(() => {}));
    await clock.advanceAsync(30);
    socket.close(4000, 'bye');
    expect(details('close')).toMatchObject([{ phase: 'greeting', code: 4000, reason: 'bye', cause: 'caller' }]);
    await clock.advanceAsync(100);
    expect([network.open, clock.timers]).toEqual([0, 0]);
  });

  test('over 1 MiB that it leaves unread fails the attempt', async () => {
    const half = 'x'.repeat(512 * 1024);
    const { clock, server, details, socket } = greeted(() => new Promise(() => {}));
    await clock.advanceAsync(25);
    server().send(half);
    server().send(half);
    await clock.advanceAsync(20);
    expect(details('error')).toEqual([]);
    server().send('x');
    await clock.advanceAsync(20);
    expect(details('error')).toMatchObject([{ code: 'HOOK_FAILED', cause: { code: 'READER_TOO_SLOW' } }]);
    socket.close();
  });

  test('what it has read makes room for more', async () => {
    const half = 'x'.repeat(512 * 1024);
    let go: () => void = () => {};
    const { clock, server, details, names } = greeted(async (connection) => {
      for (let round = 0; round < 3; round++) {
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        await connection.receive();
        await connection.receive();
      }
    });
    await clock.advanceAsync(25);
    for (let round = 0; round < 3; round++) {
      server().send(half);
      server().send(half);
      await clock.advanceAsync(20);
      go();
      await clock.advanceAsync(20);
    }
    expect(details('error')).toEqual([]);
    expect(names()).toEqual(['open']);
  });
});
