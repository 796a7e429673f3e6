import { describe, expect, test } from 'vitest';
import type { DialContext } from '../../src/client/options.js';
import { TOKEN } from '../../src/core/frames.js';
import type { ServerConnection } from '../../src/io/connection.js';
import { sessionPair } from '../helpers/session-pair.js';
import { SessionServer } from '../sim/session-network.js';
import { fateOf, settle } from '../socket/simulated.js';

/** A pair that has said hello, and has been up for a while. */
function connected(...[options, arrangement]: Parameters<typeof sessionPair>) {
  const pair = sessionPair(options, arrangement);
  pair.clock.advance(2000);
  return pair;
}

/** The server is replaced by another, which knows nothing of the sessions there were. */
function restart({ server, network }: Pick<ReturnType<typeof sessionPair>, 'server' | 'network'>): SessionServer {
  server.crash();
  const next = new SessionServer(network, {}, 'next-');
  network.serve(next.take);
  return next;
}

describe('a session', () => {
  test('begins with the first connection, and has an id from then on', () => {
    const { socket, clock, client, end, peer, network } = sessionPair();
    expect(socket.session).toBeUndefined();
    clock.advance(100);
    expect(socket.session).toBe('session-1');
    expect(peer().session).toBe('session-1');
    expect(client.details('open')).toEqual([{ reconnected: false, resumed: false, replayed: 0, gapMs: 0 }]);
    expect(client.details('state').map(({ status }) => status)).toEqual(['connected']);
    expect(end().details('open')).toEqual([]);
    expect(network.dialed).toBe(1);
  });

  test('offers the token behind the subprotocols of the application', () => {
    const offered: (readonly string[])[] = [];
    const { network, clock, server, socket } = sessionPair({ protocols: ['a', 'b'] });
    network.serve((connection) => {
      offered.push(connection.protocols);
      server.take(connection);
    });
    clock.advance(100);
    expect(offered).toEqual([['a', 'b', TOKEN]]);
    expect(socket.protocol).toBe('a');
  });

  test('is not begun without the option, and the token is not offered', () => {
    const offered: (readonly string[])[] = [];
    const { network, clock, socket, client } = sessionPair({ session: false });
    network.serve((connection) => offered.push(connection.protocols));
    clock.advance(100);
    expect(offered).toEqual([[]]);
    expect(socket.session).toBeUndefined();
    expect(client.details('open')).toEqual([{ reconnected: false }]);
  });

  test('carries what was sent before it began', () => {
    const { socket, clock, end } = sessionPair();
    expect(socket.send('a')).toBe('queued');
    clock.advance(100);
    expect(end().messages()).toEqual(['a']);
  });

  test('goes on over a cut: each message once, in order, and what that took is told', () => {
    const { socket, clock, network, client, end, peer } = connected();
    socket.send('a');
    peer().send('A');
    network.cut();
    socket.send('b');
    peer().send('B');
    clock.advance(3000);
    expect(end().messages()).toEqual(['a', 'b']);
    expect(client.messages()).toEqual(['A', 'B']);
    expect(client.names()).toEqual(['open', 'interrupted', 'error', 'reconnecting', 'open']);
    const [interrupted] = client.details('interrupted');
    expect(interrupted).toMatchObject({ cause: 'lost', unconfirmed: 0 });
    // The first retry is within 250 ms, then three ways to go: open, RESUME, WELCOME.
    const [, open] = client.details('open');
    expect(open).toEqual({ reconnected: true, resumed: true, replayed: 1, gapMs: expect.any(Number) });
    expect(open?.gapMs).toBeGreaterThanOrEqual(30);
    expect(open?.gapMs).toBeLessThan(400);
    expect(end().details('open')).toEqual([
      { reconnected: true, resumed: true, replayed: 1, gapMs: expect.any(Number) },
    ]);
    expect(socket.session).toBe('session-1');
  });

  test('goes on whatever code a connection is closed with', () => {
    const { socket, clock, server, network, client, end } = connected();
    const connections: ServerConnection[] = [];
    network.serve((connection) => {
      connections.push(connection);
      server.take(connection);
    });
    network.cut();
    clock.advance(1000);
    for (const code of [1000, 1001, 1002, 1003, 1007, 1009, 1010, 1011, 1012, 4000, 4902]) {
      connections.at(-1)?.close(code, 'a proxy says so');
      clock.advance(30_000);
      socket.send(String(code));
      clock.advance(2000);
    }
    expect(end().messages()).toHaveLength(11);
    expect(client.names()).not.toContain('close');
    expect(client.names()).not.toContain('lost');
    expect(socket.session).toBe('session-1');
  });

  test('survives its first WELCOME being lost; the orphan does not live long', () => {
    const { clock, network, client, server, socket } = sessionPair();
    socket.send('a');
    clock.advance(35); // WELCOME is on its way.
    network.silence();
    clock.advance(12_000);
    expect(client.details('open')).toEqual([{ reconnected: false, resumed: false, replayed: 0, gapMs: 0 }]);
    expect(server.sockets).toHaveLength(2);
    clock.advance(60_000);
    expect(server.host.registry.sessions).toBe(1);
    expect(server.sockets.map(({ state }) => state.status)).toEqual(['closed', 'connected']);
  });

  test('notices a dead connection by its own unacked messages, within seconds', () => {
    const { clock, network, client, socket, end } = connected();
    network.silence();
    socket.send('a');
    clock.advance(8000);
    expect(client.details('interrupted')).toMatchObject([{ cause: 'dead-peer', unconfirmed: 0 }]);
    expect(end().messages()).toEqual(['a']);
  });

  test('notices a dead connection with nothing to say as well', () => {
    const { clock, network, client } = connected();
    network.silence();
    clock.advance(36_000);
    expect(client.details('interrupted')).toMatchObject([{ cause: 'dead-peer' }]);
    expect(client.details('open')).toHaveLength(2);
  });

  test('keeps what nobody listens to at the client until somebody does', async () => {
    const pair = sessionPair();
    const { clock, peer } = connected();
    expect(pair.client.messages()).toEqual([]);
    peer().send('A');
    await clock.advanceAsync(5000);
    expect(peer().pending).toBe(0);
  });
});

describe('a session that is lost', () => {
  test('hands back what did not arrive, then another begins', () => {
    const pair = connected();
    const { socket, clock, client, network } = pair;
    network.cut();
    socket.send('a');
    socket.send(Uint8Array.of(1));
    socket.send('\u0010b');
    const next = restart(pair);
    clock.advance(5000);
    expect(client.names()).toEqual([
      'open',
      'interrupted',
      'error',
      'reconnecting',
      'lost',
      'error',
      'reconnecting',
      'open',
    ]);
    const messages = ['a', Uint8Array.of(1), '\u0010b'];
    expect(client.details('lost')).toEqual([{ reason: 'unknown', undelivered: 0, unknown: 3, messages }]);
    expect(client.details('open')[1]).toMatchObject({ reconnected: true, resumed: false, replayed: 0 });
    expect(socket.session).toBe('session-next-1');
    expect(next.sockets).toHaveLength(1);
    expect(socket.pending).toBe(0);
  });

  test('whose server knows what it had is told exactly', () => {
    const { socket, clock, client, network, server } = connected({}, { server: { sessionTtl: 30_000 } });
    socket.send('arrives');
    clock.advance(50);
    network.cut();
    socket.send('does not');
    network.dials = 'refuse';
    clock.advance(60_000);
    network.dials = 'accept';
    clock.advance(60_000);
    expect(client.details('lost')).toEqual([{ reason: 'expired', undelivered: 1, unknown: 0, messages: ['does not'] }]);
    expect(server.sockets.map(({ state }) => state.cause?.cause)).toEqual(['expired', undefined]);
  });

  test('can be sent again from the listener, into the next one, and nothing is twice', () => {
    const pair = connected();
    const { socket, clock, client, network } = pair;
    socket.on('lost', ({ messages }) => {
      for (const data of messages) socket.send(data);
    });
    network.cut();
    socket.send('a');
    socket.send('b');
    const next = restart(pair);
    const received: unknown[] = [];
    next.onsession = (end) => end.on('message', (data) => received.push(data));
    clock.advance(5000);
    expect(client.details('lost')).toHaveLength(1);
    expect(received).toEqual(['a', 'b']);
  });

  test("is the end with onLost: 'close'", async () => {
    const pair = connected({ onLost: 'close' });
    const { socket, clock, client, network } = pair;
    network.cut();
    socket.send('a');
    restart(pair);
    clock.advance(5000);
    expect(client.names().slice(-4)).toEqual(['lost', 'error', 'failed', 'close']);
    expect(client.details('lost')).toEqual([{ reason: 'unknown', undelivered: 0, unknown: 1, messages: ['a'] }]);
    expect(client.details('error').at(-1)).toMatchObject({ code: 'SESSION_LOST' });
    // They were handed over by `lost`: `close` does not count them again.
    expect(client.details('close')).toMatchObject([{ cause: 'session-lost', undelivered: 0, unconfirmed: 0 }]);
    expect(network.open).toBe(0);
    expect(await socket.closed).toMatchObject({ cause: 'session-lost' });
    clock.advance(60_000);
    expect(clock.timers).toBe(0);
  });
});

describe('a server without the protocol', () => {
  test('that chooses no subprotocol is a final error that says so', async () => {
    const { socket, clock, client, network } = sessionPair();
    network.serve(() => {});
    const { opened } = socket;
    clock.advance(100);
    expect(client.names()).toEqual(['error', 'failed', 'close']);
    const [error] = client.details('error');
    expect(error).toMatchObject({ code: 'SESSION_UNSUPPORTED', ending: { cause: 'no-session' } });
    expect(error?.message).toMatch(/chose no subprotocol.*LongSocketServer/s);
    await expect(opened).rejects.toMatchObject({ code: 'SESSION_UNSUPPORTED' });
    clock.advance(120_000);
    expect([network.dialed, network.open, clock.timers]).toEqual([1, 0, 0]);
  });

  test('that chooses every subprotocol and then says nothing is asked again, and the error names what is missing', () => {
    const { clock, client, network } = sessionPair({ connectTimeout: 5000 });
    network.serve((connection) => {
      connection.protocol = TOKEN;
    });
    clock.advance(12_000);
    expect(client.details('error')[0]).toMatchObject({ code: 'CONNECT_TIMEOUT' });
    expect(client.details('error')[0]?.message).toMatch(/sent no WELCOME.*LongSocketServer/);
    expect(network.dialed).toBeGreaterThan(1);
  });

  test('is named as a possible reason where a failed dial has no other, until there is a session', () => {
    const { clock, client, network, server, socket } = sessionPair({ autoConnect: false });
    network.dials = 'refuse';
    socket.connect();
    clock.advance(100);
    expect(client.details('error')[0]).toMatchObject({ code: 'DIAL_FAILED' });
    expect(client.details('error')[0]?.message).toContain('does not speak longsocket.v1');
    network.dials = 503;
    clock.advance(10_000);
    expect(client.details('error')[1]?.message).not.toContain('longsocket.v1');
    network.dials = 'accept';
    clock.advance(60_000);
    expect(socket.session).toBe(server.socket.session);
    network.dials = 'refuse';
    network.cut();
    clock.advance(1000);
    expect(client.details('error').at(-1)).toMatchObject({ code: 'DIAL_FAILED' });
    expect(client.details('error').at(-1)?.message).not.toContain('longsocket.v1');
  });

  test('that chooses another subprotocol is a final error that names it', () => {
    const { clock, client, network } = sessionPair({ protocols: 'chat' });
    network.serve((connection) => {
      connection.protocol = 'chat';
    });
    clock.advance(100);
    expect(client.details('error')[0]?.message).toContain('chose the subprotocol "chat"');
    expect(client.details('close')).toMatchObject([{ cause: 'no-session' }]);
  });

  test('that echoes the token and then speaks of other things is a final error', () => {
    const { clock, client, network, socket } = sessionPair();
    network.serve((connection) => {
      connection.protocol = TOKEN;
      connection.send('hello and welcome');
    });
    socket.send('a');
    clock.advance(100);
    expect(client.details('error')[0]?.message).toContain('sent something else than WELCOME');
    expect(client.messages()).toEqual([]);
    expect(client.details('close')).toMatchObject([{ cause: 'no-session', undelivered: 1, unconfirmed: 0 }]);
  });

  test('that echoes the token and then says nothing is tried again after connectTimeout', () => {
    const { clock, client, network } = sessionPair();
    network.serve((connection) => {
      connection.protocol = TOKEN;
    });
    clock.advance(10_000);
    expect(client.details('error')).toMatchObject([{ code: 'CONNECT_TIMEOUT', ending: { phase: 'greeting' } }]);
    expect(client.names()).not.toContain('close');
  });
});

describe('close()', () => {
  test('ends both ends, with code and reason, when all has arrived', () => {
    const { socket, clock, client, end, network, server } = connected();
    socket.send('a');
    socket.close(4000, 'bye');
    expect(() => socket.send('late')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    clock.advance(1000);
    expect(end().messages()).toEqual(['a']);
    const detail = { code: 4000, reason: 'bye', wasClean: true, undelivered: 0, unconfirmed: 0 };
    expect(client.details('close')).toMatchObject([{ ...detail, cause: 'caller' }]);
    expect(end().details('close')).toMatchObject([{ ...detail, cause: 'peer' }]);
    expect(client.names()).toEqual(['open', 'close']);
    expect([network.open, server.host.registry.sessions]).toEqual([0, 0]);
  });

  test('delivers what the other end had sent before it heard of the end', () => {
    const { socket, clock, client, peer } = connected();
    peer().send('A');
    socket.close();
    clock.advance(1000);
    expect(client.messages()).toEqual(['A']);
    expect(client.names()).toEqual(['open', 'close']);
  });

  test('before there is a connection, with nothing sent, ends at once', () => {
    const { socket, clock, client, network } = sessionPair();
    socket.close();
    expect(client.details('close')).toMatchObject([{ cause: 'caller', code: 1000, undelivered: 0 }]);
    clock.advance(1000);
    expect([network.open, clock.timers]).toEqual([0, 0]);
  });

  test('before there is a connection, with something sent, gets it through first', () => {
    const { socket, clock, client, end } = sessionPair();
    socket.send('a');
    socket.close(4000, 'bye');
    clock.advance(1000);
    expect(end().messages()).toEqual(['a']);
    expect(client.details('close')).toMatchObject([{ code: 4000, wasClean: true, undelivered: 0, unconfirmed: 0 }]);
  });

  test('while the server is greeted gets all through as well', () => {
    const { socket, clock, client, end } = sessionPair();
    clock.advance(25);
    socket.send('a');
    socket.close(4000, 'bye');
    clock.advance(1000);
    expect(end().messages()).toEqual(['a']);
    expect(client.details('close')).toMatchObject([{ code: 4000, wasClean: true }]);
  });

  test('while interrupted resumes, gets all through, and ends', () => {
    const { socket, clock, client, end, network } = connected();
    network.cut();
    socket.send('a');
    socket.close(4000, 'bye');
    clock.advance(3000);
    expect(end().messages()).toEqual(['a']);
    expect(client.details('close')).toMatchObject([{ code: 4000, wasClean: true, undelivered: 0, unconfirmed: 0 }]);
    expect(client.details('open').at(-1)).toMatchObject({ resumed: true });
    expect(network.open).toBe(0);
  });

  test('while interrupted, with nobody to reach, gives up after closeTimeout and counts', () => {
    const { socket, clock, client, network } = connected({ closeTimeout: 2000 });
    socket.send('on its way');
    clock.advance(1);
    network.cut();
    network.dials = 'refuse';
    socket.send('waits');
    socket.close(4000, 'bye');
    clock.advance(1999);
    expect(client.details('close')).toEqual([]);
    clock.advance(1);
    expect(client.details('close')).toMatchObject([
      { cause: 'caller', code: 4000, reason: 'bye', wasClean: false, undelivered: 1, unconfirmed: 1 },
    ]);
    expect(network.open).toBe(0);
  });

  test('with a server that does not answer gives up after closeTimeout', () => {
    const { socket, clock, client, network } = connected();
    network.silence();
    network.dials = 'hang';
    socket.send('a');
    socket.close();
    clock.advance(5000);
    expect(client.details('close')).toMatchObject([{ wasClean: false, undelivered: 0, unconfirmed: 1 }]);
    expect(network.open).toBe(0);
  });

  test('while rotating ends both connections, with nothing lost', () => {
    const { socket, clock, client, end, network } = connected();
    socket.rotate();
    clock.advance(5);
    socket.send('a');
    socket.close(4000, 'bye');
    clock.advance(1000);
    expect(end().messages()).toEqual(['a']);
    expect(client.details('close')).toMatchObject([{ code: 4000, wasClean: true }]);
    expect(network.open).toBe(0);
  });

  test('right behind a rotation ends both connections, with nothing lost', () => {
    const { socket, clock, client, end, network } = connected();
    socket.rotate();
    while (client.details('rotated').length === 0) clock.advance(1);
    socket.send('a');
    socket.close(4000, 'bye');
    clock.advance(1000);
    expect(end().messages()).toEqual(['a']);
    expect(client.details('close')).toMatchObject([{ code: 4000, wasClean: true }]);
    expect(network.open).toBe(0);
  });

  test('twice changes nothing about the first', () => {
    const { socket, clock, client } = connected();
    socket.close(4000, 'first');
    socket.close(4001, 'second');
    clock.advance(1000);
    expect(client.details('close')).toMatchObject([{ code: 4000, reason: 'first' }]);
  });

  test('in a listener to each event is no trouble', () => {
    for (const event of ['open', 'message', 'interrupted', 'reconnecting', 'rotating', 'rotated', 'lost'] as const) {
      const pair = sessionPair();
      const { socket, clock, network, client } = pair;
      socket.on(event, () => socket.close(4000, event));
      clock.advance(2000);
      pair.peer().offer('A');
      clock.advance(100);
      socket.rotate();
      clock.advance(1000);
      network.cut();
      clock.advance(1000);
      restart(pair);
      clock.advance(20_000);
      expect(client.details('close')).toMatchObject([{ code: 4000, reason: event }]);
      expect(network.open).toBe(0);
    }
  });
});

describe("the peer's close()", () => {
  test('comes behind all it sent, is answered, and is not dialed again', () => {
    const { socket, clock, client, end, peer, network } = connected();
    peer().send('A');
    peer().close(4001, 'enough');
    clock.advance(1000);
    expect(client.messages()).toEqual(['A']);
    const detail = { code: 4001, reason: 'enough', wasClean: true, undelivered: 0, unconfirmed: 0 };
    expect(client.details('close')).toMatchObject([{ ...detail, cause: 'peer' }]);
    expect(end().details('close')).toMatchObject([{ ...detail, cause: 'caller' }]);
    clock.advance(60_000);
    expect([network.dialed, network.open, socket.state.status]).toEqual([1, 0, 'closed']);
  });

  test('gets the last words of the client as well', () => {
    const { socket, clock, client, end, peer } = connected();
    peer().close(4001, 'enough');
    socket.send('a');
    clock.advance(1000);
    expect(end().messages()).toEqual(['a']);
    expect(client.details('close')).toMatchObject([{ undelivered: 0, unconfirmed: 0 }]);
  });

  test('while the client is away waits for it', () => {
    const { clock, client, peer, network } = connected();
    network.cut();
    network.dials = 'refuse';
    peer().send('A');
    peer().close(4001, 'enough');
    clock.advance(20_000);
    network.dials = 'accept';
    clock.advance(40_000);
    expect(client.messages()).toEqual(['A']);
    expect(client.names()).not.toContain('lost');
    expect(client.details('close')).toMatchObject([{ cause: 'peer', code: 4001, reason: 'enough', wasClean: true }]);
  });

  test('and ours at the same time end in one', () => {
    const { socket, clock, client, end, peer } = connected();
    socket.close(4000, 'client');
    peer().close(4001, 'server');
    clock.advance(1000);
    expect(client.details('close')).toMatchObject([{ cause: 'caller', code: 4000, wasClean: true }]);
    expect(end().details('close')).toMatchObject([{ cause: 'caller', code: 4001, wasClean: true }]);
  });
});

describe('another life', () => {
  test('begins with connect(), with a session and promises of its own', async () => {
    const { socket, clock, client, server, end } = connected();
    const { opened, closed } = socket;
    socket.send('a');
    socket.close();
    clock.advance(1000);
    await closed;
    socket.connect();
    expect(socket.session).toBeUndefined();
    expect(socket.opened).not.toBe(opened);
    socket.send('b');
    clock.advance(1000);
    expect(socket.session).toBe('session-2');
    expect(server.sockets).toHaveLength(2);
    expect(end().messages()).toEqual(['b']);
    expect(client.details('open')).toMatchObject([{ reconnected: false }, { reconnected: false, resumed: false }]);
    expect(await fateOf(socket.closed)).toBe('pending');
  });

  test('begins with connect() in a listener to close', () => {
    const { socket, clock, client, peer } = connected();
    socket.once('close', () => socket.connect());
    peer().close();
    clock.advance(1000);
    expect(socket.state.status).toBe('connected');
    expect(client.names()).toEqual(['open', 'close', 'open']);
  });

  test('numbers its messages anew: acks of what is read reach the server', async () => {
    const { socket, clock, peer } = connected();
    for (const data of ['A', 'B', 'C']) peer().send(data);
    clock.advance(2000);
    socket.close();
    clock.advance(2000);
    socket.connect();
    clock.advance(2000);
    peer().send('D');
    await clock.advanceAsync(2000);
    expect(peer().pending).toBe(0);
  });

  test('nothing is left behind by one that is over', () => {
    const { socket, clock, network, peer } = connected();
    socket.send('a');
    peer().send('A');
    clock.advance(100);
    socket.rotate();
    clock.advance(10_000);
    socket.close();
    clock.advance(1000);
    // What is left is the server's memory of the session.
    expect(network.open).toBe(0);
    expect(clock.timers).toBe(1);
    clock.advance(11 * 60_000);
    expect(clock.timers).toBe(0);
  });
});

describe('the abort signal', () => {
  test('closes the session in good order', () => {
    const controller = new AbortController();
    const { socket, clock, client, end } = connected({ signal: controller.signal });
    socket.send('a');
    controller.abort();
    clock.advance(1000);
    expect(end().messages()).toEqual(['a']);
    expect(client.details('close')).toMatchObject([{ cause: 'caller', code: 1000, wasClean: true }]);
  });

  test('ends an attempt that waits', () => {
    const controller = new AbortController();
    const { clock, client, network, socket } = sessionPair({ signal: controller.signal, autoConnect: false });
    network.dials = 'refuse';
    socket.connect();
    clock.advance(20_000);
    controller.abort();
    expect(client.details('close')).toMatchObject([{ cause: 'caller' }]);
    expect(clock.timers).toBe(0);
  });
});

describe('providers', () => {
  test('are asked for every connection of the session', async () => {
    const contexts: DialContext[] = [];
    const { socket, clock, network } = sessionPair({
      protocols: (context) => {
        contexts.push(context);
        return Promise.resolve('chat');
      },
    });
    await clock.advanceAsync(2000);
    network.cut();
    await clock.advanceAsync(2000);
    socket.rotate();
    await clock.advanceAsync(2000);
    socket.reconnect();
    await clock.advanceAsync(2000);
    expect(contexts.map(({ reason }) => reason)).toEqual(['connect', 'retry', 'rotate', 'reconnect']);
    expect(socket.session).toBe('session-1');
  });

  test('are asked once more when the principal is another, then the session is lost', async () => {
    let user = 'ann';
    const asked: string[] = [];
    const { clock, network, client } = sessionPair(
      {
        headers: () => {
          asked.push(user);
          return undefined as never;
        },
      },
      { server: { principalOf: () => user } },
    );
    await clock.advanceAsync(2000);
    user = 'bob';
    network.cut();
    await clock.advanceAsync(10_000);
    expect(asked).toEqual(['ann', 'bob', 'bob', 'bob']);
    expect(client.details('error')).toMatchObject([
      { code: 'CONNECTION_LOST' },
      { code: 'SESSION_REFUSED', ending: { reason: 'principal' } },
      { code: 'SESSION_LOST', ending: { reason: 'principal' } },
    ]);
    expect(client.details('lost')).toMatchObject([{ reason: 'principal' }]);
  });

  test('that fail while interrupted cost an attempt, and not the session', async () => {
    let fails = false;
    const { clock, network, client, socket, end } = sessionPair({
      protocols: () => (fails ? Promise.reject(new Error('no token')) : []),
    });
    await clock.advanceAsync(2000);
    fails = true;
    network.cut();
    socket.send('a');
    await clock.advanceAsync(5000);
    fails = false;
    await clock.advanceAsync(10_000);
    expect(client.details('error').map(({ code }) => code)).toContain('PROVIDER_FAILED');
    expect(client.details('open').at(-1)).toMatchObject({ resumed: true });
    expect(end().messages()).toEqual(['a']);
  });
});

describe('rotation', () => {
  test('takes over without a gap, and says only that', () => {
    const { socket, clock, client, end, peer, network } = connected();
    socket.rotate();
    let n = 0;
    for (let ms = 0; ms < 200; ms++) {
      socket.send(String(n));
      peer().send(String(n++));
      clock.advance(1);
    }
    clock.advance(2000);
    const all = Array.from({ length: n }, (_, i) => String(i));
    expect(end().messages()).toEqual(all);
    expect(client.messages()).toEqual(all);
    expect(client.names()).toEqual(['open', 'rotating', 'rotated']);
    expect(client.details('rotated')).toEqual([{ cause: 'caller' }]);
    expect([network.open, network.mostAtOnce]).toEqual([1, 2]);
    expect(end().names()).toEqual(['rotated']);
  });

  test('follows the age that the server announces', () => {
    const { clock, client, network } = sessionPair({}, { server: { maxConnectionAge: 60_000 } });
    network.maxAge = 60_000;
    clock.advance(10 * 60_000);
    expect(client.names()).not.toContain('interrupted');
    expect(client.details('rotated').every(({ cause }) => cause === 'age')).toBe(true);
    expect(client.details('rotated').length).toBeGreaterThanOrEqual(10);
  });

  test('follows the age that an option gives', () => {
    const { clock, client, network } = sessionPair({ maxConnectionAge: 60_000 });
    network.maxAge = 60_000;
    clock.advance(10 * 60_000);
    expect(client.names()).not.toContain('interrupted');
    expect(client.details('rotated').length).toBeGreaterThanOrEqual(10);
  });

  test('comes when the server drains, and the session moves to another', async () => {
    const { memoryStore } = await import('../../src/server/store.js');
    const store = memoryStore();
    const pair = sessionPair({}, { server: { store } });
    const { clock, client, network, socket, server, end } = pair;
    await clock.advanceAsync(2000);
    const next = new SessionServer(network, { store }, 'next-');
    const received: unknown[] = [];
    next.onsession = (moved) => moved.on('message', (data) => received.push(data));
    network.serve(next.take);
    socket.send('a');
    server.host.drain(5000, 100);
    await clock.advanceAsync(1000);
    socket.send('b');
    await clock.advanceAsync(5000);
    expect(client.names()).toEqual(['open', 'rotating', 'rotated']);
    expect(client.details('rotated')).toEqual([{ cause: 'goaway' }]);
    expect([end().messages(), received]).toEqual([['a'], ['b']]);
    expect(end().details('close')).toMatchObject([{ cause: 'moved', undelivered: 0, unconfirmed: 0 }]);
    expect(next.socket.session).toBe('session-1');
    expect([server.host.registry.sessions, next.host.registry.sessions]).toEqual([0, 1]);
  });

  test('while the old connection is dead goes on with the next', () => {
    const { clock, client, network, socket, end } = connected();
    network.silence();
    socket.rotate();
    socket.send('a');
    clock.advance(20_000);
    expect(end().messages()).toEqual(['a']);
    expect(client.names()).not.toContain('lost');
    expect(network.open).toBe(1);
  });

  test('reconnect() in the middle of it goes on with one connection', () => {
    const { clock, network, socket, end, client } = connected();
    socket.rotate();
    clock.advance(15);
    socket.reconnect();
    socket.send('a');
    clock.advance(5000);
    expect(end().messages()).toEqual(['a']);
    expect(client.details('open').at(-1)).toMatchObject({ resumed: true });
    expect(network.open).toBe(1);
  });
});

describe('a message that ends every connection', () => {
  test('is found out and named, after three that say it is too big', () => {
    const { socket, clock, client, network, server } = connected();
    network.serve((connection) => {
      server.take(connection);
      const { onmessage } = connection;
      connection.onmessage = (data) => {
        if (data !== 'poison') return onmessage(data);
        connection.onmessage = () => {};
        connection.close(1009, 'too big');
      };
    });
    network.cut();
    clock.advance(2000);
    socket.send('good');
    clock.advance(2000);
    socket.send('poison');
    socket.send('behind it');
    clock.advance(120_000);
    expect(client.details('close')).toMatchObject([
      { cause: 'undeliverable', code: 1009, undelivered: 0, unconfirmed: 2 },
    ]);
    expect(client.details('error').at(-1)).toMatchObject({ code: 'UNDELIVERABLE' });
    expect(client.details('error').at(-1)?.message).toContain('message 2');
    expect([network.open, socket.state.status]).toEqual([0, 'closed']);
  });
});

describe('the limits of the wire', () => {
  test.each([
    ['maxBufferedBytes', { maxBufferedBytes: 2 ** 24 }],
    ['heartbeat.interval', { heartbeat: { interval: 1000.5 } }],
    ['maxConnectionAge', { maxConnectionAge: 60_000.5 }],
  ])('are kept, whatever %s is', (_, options) => {
    const { socket, clock, client, end } = sessionPair(options);
    socket.send('a');
    clock.advance(5000);
    expect(client.names()).toEqual(['open']);
    expect(end().messages()).toEqual(['a']);
  });
});

test('errors of listeners stay with them', async () => {
  const reported: unknown[] = [];
  const { clock, socket, network, end } = sessionPair({ onListenerError: (error) => reported.push(error) });
  for (const event of ['open', 'message', 'interrupted', 'state', 'error'] as const) {
    socket.on(event, () => {
      throw new Error(event);
    });
  }
  await clock.advanceAsync(2000);
  network.cut();
  socket.send('a');
  await clock.advanceAsync(5000);
  await settle();
  expect(end().messages()).toEqual(['a']);
  expect(reported.length).toBeGreaterThan(4);
});
