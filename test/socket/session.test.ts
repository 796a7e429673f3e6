import { describe, expect, test } from 'vitest';
import { LongSocket } from '../../src/client/long-socket.js';
import { clientConfig } from '../../src/client/options.js';
import type { PeerConfig } from '../../src/core/attachment.js';
import { TOKEN } from '../../src/core/frames.js';
import { Peer } from '../../src/core/peer.js';
import { Session } from '../../src/core/session.js';
import type { Data, Effect, LineConfig } from '../../src/core/types.js';
import type { Connection, DialRequest, Report } from '../../src/io/connection.js';
import type { Inspection } from '../../src/io/driver.js';
import { peerConfig } from '../../src/server/options.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { sessionPair } from '../helpers/session-pair.js';
import { SessionServer } from '../sim/session-network.js';
import { fateOf, simulated } from './simulated.js';

const closed = expect.objectContaining({ code: 'CLOSED' });

describe('pending', () => {
  test('counts what the peer has not acked, whether it waits, travels, or has arrived unread', async () => {
    const { socket, clock, network, peer } = sessionPair({}, { reads: false });
    expect(socket.pending).toBe(0);
    socket.send('a');
    expect(socket.pending).toBe(1);
    clock.advance(5000);
    expect(socket.pending).toBe(1);
    network.cut();
    socket.send('b');
    expect(socket.pending).toBe(2);
    await clock.advanceAsync(5000);
    peer().on('message', () => {});
    await clock.advanceAsync(5000);
    expect(socket.pending).toBe(0);
  });

  test('counts what a listener sends in the middle of a step', () => {
    const { socket, clock, client } = sessionPair();
    const seen: number[] = [];
    socket.on('open', () => {
      socket.send('a');
      socket.send('b');
      seen.push(socket.pending);
    });
    clock.advance(100);
    expect(client.names()).toEqual(['open']);
    expect(seen).toEqual([2]);
  });

  test('does not count the goodbye', () => {
    const { socket, clock, network } = sessionPair();
    clock.advance(100);
    network.silence();
    socket.close();
    expect(socket.pending).toBe(0);
  });

  test('without a session counts what waits for a connection', () => {
    const { socket, clock } = simulated();
    socket.send('a');
    expect(socket.pending).toBe(1);
    clock.advance(100);
    expect(socket.pending).toBe(0);
  });
});

describe('delivered()', () => {
  test('resolves at once when nothing was sent', async () => {
    expect(await fateOf(sessionPair().socket.delivered())).toBe('resolved');
  });

  test("resolves when the peer's application has had it all, over any connection", async () => {
    const { socket, clock, network } = sessionPair();
    clock.advance(100);
    socket.send('a');
    network.cut();
    const delivered = socket.delivered();
    expect(await fateOf(delivered)).toBe('pending');
    await clock.advanceAsync(3000);
    expect(await fateOf(delivered)).toBe('resolved');
  });

  test('waits for what was accepted so far, and for nothing that comes later', async () => {
    const { socket, clock, peer } = sessionPair({}, { reads: false });
    socket.send('a');
    const delivered = socket.delivered();
    socket.send('b');
    await clock.advanceAsync(100);
    expect(await fateOf(delivered)).toBe('pending');
    peer().once('message', () => {});
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(1);
    expect(await fateOf(delivered)).toBe('resolved');
  });

  test('waits for writes that wait for room', async () => {
    const { socket, clock } = sessionPair({ maxBufferedMessages: 1 });
    socket.send('a');
    const write = socket.write('b');
    const delivered = socket.delivered();
    await clock.advanceAsync(1200);
    await write;
    expect(await fateOf(delivered)).toBe('pending');
    await clock.advanceAsync(2000);
    expect(await fateOf(delivered)).toBe('resolved');
  });

  test('rejects when the session is lost, though another follows', async () => {
    const { socket, clock, network, server } = sessionPair();
    clock.advance(100);
    network.cut();
    socket.send('a');
    const delivered = socket.delivered();
    delivered.catch(() => {});
    server.crash();
    const next = new SessionServer(network);
    next.onsession = (end) => end.on('message', () => {});
    network.serve(next.take);
    await clock.advanceAsync(5000);
    expect(socket.state.status).toBe('connected');
    await expect(delivered).rejects.toMatchObject({ code: 'SESSION_LOST' });
    socket.send('b');
    const again = socket.delivered();
    await clock.advanceAsync(5000);
    expect(await fateOf(again)).toBe('resolved');
  });

  test('rejects when the socket closes before, and behind a life that left something undelivered', async () => {
    const { socket, clock, network } = sessionPair();
    clock.advance(100);
    network.silence();
    network.dials = 'refuse';
    socket.send('a');
    const delivered = socket.delivered();
    socket.close();
    const fate = expect(delivered).rejects.toEqual(closed);
    await clock.advanceAsync(10_000);
    await fate;
    await expect(socket.delivered()).rejects.toEqual(closed);
  });

  test('resolves behind a life that left nothing undelivered', async () => {
    const { socket, clock } = sessionPair();
    socket.send('a');
    await clock.advanceAsync(3000);
    socket.close();
    await clock.advanceAsync(3000);
    expect(socket.state.status).toBe('closed');
    expect(await fateOf(socket.delivered())).toBe('resolved');
  });

  test('without a session resolves when all is handed over', async () => {
    const { socket, clock } = simulated();
    socket.send('a');
    const delivered = socket.delivered();
    expect(await fateOf(delivered)).toBe('pending');
    clock.advance(100);
    expect(await fateOf(delivered)).toBe('resolved');
  });
});

describe('drain()', () => {
  test('waits for what was accepted so far, and for nothing that comes later', async () => {
    const { socket, clock, network } = simulated();
    socket.send('a');
    const drained = socket.drain();
    clock.advance(10);
    network.cut();
    socket.send('b');
    const later = socket.drain();
    clock.advance(5000);
    expect([await fateOf(drained), await fateOf(later)]).toEqual(['resolved', 'resolved']);
  });
});

describe('bytes', () => {
  test('may be changed behind send(), since they are copied', () => {
    const { socket, clock, end } = sessionPair();
    const bytes = Uint8Array.of(1, 2, 3);
    socket.send(bytes);
    bytes.fill(0);
    clock.advance(100);
    expect(end().messages()).toEqual([Uint8Array.of(1, 2, 3)]);
  });

  test('that are owned are not copied: what is sent again is what they are by then', () => {
    const { socket, clock, network, end } = sessionPair();
    const bytes = Uint8Array.of(1, 2, 3);
    socket.send(bytes, { owned: true });
    clock.advance(100);
    expect(end().messages()).toEqual([Uint8Array.of(1, 2, 3)]);
    clock.advance(5000);
    network.cut();
    socket.send(bytes, { owned: true });
    bytes.fill(9);
    clock.advance(5000);
    expect(end().messages()).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(9, 9, 9)]);
  });
});

describe('a message that is longer than the server takes', () => {
  const pair = () => sessionPair({}, { server: { maxPayload: 10 } });

  test('is refused by send(), and nothing is queued', () => {
    const { socket, clock } = pair();
    clock.advance(100);
    expect(() => socket.send('ééééé!')).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_BIG' }));
    expect(socket.pending).toBe(0);
    expect(socket.send('ééééé')).toBe('sent');
  });

  test('is refused by write() and offer(), and holds nobody up', async () => {
    const { socket, clock, end } = pair();
    clock.advance(100);
    const delivered = [socket.write(new Uint8Array(11)), socket.write('fits')];
    await expect(delivered[0]).rejects.toMatchObject({ code: 'MESSAGE_TOO_BIG' });
    await delivered[1];
    expect(socket.offer(new Uint8Array(11))).toBe(false);
    await clock.advanceAsync(2000);
    expect(end().messages()).toEqual(['fits']);
    expect(await fateOf(socket.delivered())).toBe('resolved');
  });

  test('does not keep those waiting who wait for what is behind it', async () => {
    const { socket, clock } = sessionPair({ maxBufferedMessages: 1 }, { server: { maxPayload: 10 } });
    socket.send('a');
    const tooBig = socket.write(new Uint8Array(11));
    tooBig.catch(() => {});
    const write = socket.write('b');
    const delivered = socket.delivered();
    for (let second = 0; second < 5; second++) await clock.advanceAsync(1000);
    await expect(tooBig).rejects.toMatchObject({ code: 'MESSAGE_TOO_BIG' });
    await write;
    expect(await fateOf(delivered)).toBe('resolved');
  });
});

describe('offer()', () => {
  test('says whether a message was accepted, and throws for nothing', () => {
    const { socket, clock, end } = sessionPair({ maxBufferedMessages: 2 });
    expect([socket.offer('a'), socket.offer('b'), socket.offer('c')]).toEqual([true, true, false]);
    expect(socket.offer(5 as never)).toBe(false);
    clock.advance(100);
    expect(end().messages()).toEqual(['a', 'b']);
    clock.advance(2000);
    socket.close();
    expect(socket.offer('d')).toBe(false);
    clock.advance(2000);
    expect(socket.offer('e')).toBe(false);
  });

  test('does not overtake a write that waits', () => {
    const { socket } = sessionPair({ maxBufferedMessages: 1 });
    socket.send('a');
    socket.write('b').catch(() => {});
    expect(socket.offer('c')).toBe(false);
  });
});

// --- two connections at once -----------------------------------------------------------------------------------------

/** A client without a session whose connections are played by hand. */
function played() {
  const clock = new VirtualClock();
  const dialed: { request: DialRequest; report: Report; connection: Played }[] = [];
  const socket = new LongSocket('ws://host/', {
    clock,
    random: () => 0.5,
    signals: () => () => {},
    dial: (request, report) => {
      const connection = new Played(request.id);
      dialed.push({ request, report, connection });
      return connection;
    },
  });
  const at = (index: number) => {
    const found = dialed[index];
    if (!found) throw new Error(`there was no dial number ${index}`);
    return found;
  };
  return {
    clock,
    socket,
    connection: (index: number) => at(index).connection,
    opens: (index: number) => at(index).report({ type: 'connection-open', id: at(index).request.id, canPing: true }),
    ends: (index: number) =>
      at(index).report({ type: 'connection-close', id: at(index).request.id, code: 1006, reason: '', wasClean: false }),
  };
}

class Played implements Connection {
  readonly sent: Data[] = [];
  readonly calls: string[] = [];
  closing = false;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly extensions: string;
  readonly url: string;

  constructor(id: number) {
    this.bufferedAmount = id;
    this.protocol = `protocol ${id}`;
    this.extensions = `extensions ${id}`;
    this.url = `url ${id}`;
  }

  send(data: Data): void {
    this.sent.push(data);
  }

  ping(): void {}

  close(): void {
    this.calls.push('close');
  }

  terminate(): void {
    this.calls.push('terminate');
  }
}

/** Of which connection the socket speaks. */
const spokenOf = ({ socket }: Pick<ReturnType<typeof played>, 'socket'>): unknown[] => [
  socket.protocol,
  socket.extensions,
  socket.url,
  socket.bufferedAmount,
];
const by = (id: number, bufferedAmount = id): unknown[] => [
  `protocol ${id}`,
  `extensions ${id}`,
  `url ${id}`,
  bufferedAmount,
];

describe('with two connections', () => {
  test('the socket speaks of the old one until the next has taken over', () => {
    const pair = played();
    const { socket, opens, ends, connection } = pair;
    opens(0);
    socket.rotate();
    expect(spokenOf(pair)).toEqual(by(1));
    socket.send('on the first');
    opens(1);
    expect(spokenOf(pair)).toEqual(by(2));
    socket.send('on the second');
    ends(0);
    expect(spokenOf(pair)).toEqual(by(2));
    expect([connection(0).sent, connection(1).sent]).toEqual([['on the first'], ['on the second']]);
    expect([connection(0).calls, connection(1).calls]).toEqual([['close'], []]);
  });

  test('one that fails leaves the other as it was', () => {
    const pair = played();
    const { socket, opens, ends } = pair;
    opens(0);
    socket.rotate();
    ends(1);
    expect(spokenOf(pair)).toEqual(by(1));
    expect(socket.send('x')).toBe('sent');
  });

  test('when the old one ends before, the next steps in', () => {
    const pair = played();
    const { socket, opens, ends } = pair;
    opens(0);
    socket.rotate();
    ends(0);
    expect(socket.state.status).toBe('connecting');
    expect(spokenOf(pair)).toEqual(by(2, 0));
    opens(1);
    expect(spokenOf(pair)).toEqual(by(2));
  });

  test('when both have ended, the socket speaks of the last one until there is another', () => {
    const pair = played();
    const { socket, opens, ends, clock } = pair;
    opens(0);
    socket.rotate();
    opens(1);
    ends(0);
    ends(1);
    expect(spokenOf(pair)).toEqual(by(2, 0));
    clock.advance(1000);
    opens(2);
    expect(spokenOf(pair)).toEqual(by(3));
    socket.close();
    clock.advance(10_000);
    expect(clock.timers).toBe(0);
  });

  test('close() gives up the one and closes the other', () => {
    const { socket, opens, connection, clock } = played();
    opens(0);
    socket.rotate();
    socket.close();
    clock.advance(10_000);
    expect(connection(1).calls).toEqual(['terminate']);
    expect(connection(0).calls).toEqual(['close', 'terminate']);
  });

  test('a rotation that comes while the old one drains changes nothing about it', () => {
    const pair = played();
    const { socket, opens, clock } = pair;
    opens(0);
    socket.rotate();
    opens(1);
    socket.rotate();
    clock.advance(6000);
    socket.rotate();
    opens(2);
    expect(spokenOf(pair)).toEqual(by(3));
  });
});

// --- what inspect sees -----------------------------------------------------------------------------------------------

/** A session that begins, is resumed, and rotates; and what `inspect` saw of either end. */
function inspected() {
  const [atClient, atServer]: Inspection[][] = [[], []];
  const pair = sessionPair(
    { inspect: (inspection) => atClient?.push(structuredClone(inspection)) },
    { server: { inspect: (inspection) => atServer?.push(structuredClone(inspection)) } },
  );
  const { clock, socket, network, peer } = pair;
  socket.send('a');
  clock.advance(100);
  network.cut();
  clock.advance(3000);
  socket.rotate();
  peer().send('b');
  clock.advance(3000);
  socket.close(4000, 'bye');
  clock.advance(3000);
  return { ...pair, atClient: atClient as Inspection[], atServer: atServer as Inspection[] };
}

/** Effects as data: what a listener may get besides is not compared. */
const plain = (effects: readonly Effect[]): unknown => JSON.parse(JSON.stringify(effects));

describe('inspect', () => {
  test('never sees the key of a session, though it passes in each of the greetings', () => {
    const { atClient, atServer } = inspected();
    for (const log of [atClient, atServer]) {
      const text = JSON.stringify(log);
      expect(text).not.toContain('secret');
      expect(text).toContain('"k');
    }
    const letters = atClient.flatMap(({ effects }) =>
      effects.flatMap((effect) => (effect.type === 'write' && effect.control ? [String(effect.data)[1]] : [])),
    );
    expect(letters.filter((letter) => letter === 'R')).toHaveLength(2);
  });

  test("a replay of a client's log leads to the same effects", () => {
    const { atClient } = inspected();
    const drawn = atClient.flatMap(({ random }) => random);
    const config: LineConfig = { ...clientConfig('', { session: true }), random: () => drawn.shift() ?? Number.NaN };
    const session = new Session(config);
    for (const { input, at, effects, deadline, state } of atClient) {
      expect(plain(session.step(input, at))).toEqual(plain(effects));
      expect([session.deadline, session.state]).toEqual([deadline, state]);
    }
  });

  test("a replay of a server's log leads to the same effects", () => {
    const { atServer, server } = inspected();
    const config: PeerConfig = peerConfig({ noServer: true }, server.ledger);
    const peer = new Peer(config, 'session-1', { inner: '', clientRetains: 1024 * 1024, key: '…' }, 20);
    for (const { input, at, effects, deadline, state } of atServer) {
      expect(plain(peer.step(input, at))).toEqual(plain(effects));
      expect([peer.deadline, peer.state]).toEqual([deadline, state]);
    }
  });

  test('sees what an application sends as it is, even if it looks like a greeting', () => {
    const log: Inspection[] = [];
    const { clock, socket } = sessionPair({ inspect: (inspection) => log.push(structuredClone(inspection)) });
    const text = '\u0010R{"k":"not a key"}';
    socket.send(text);
    clock.advance(100);
    expect(log.some(({ input }) => input.type === 'send' && input.data === text)).toBe(true);
    expect(JSON.stringify(log)).toContain('not a key');
  });
});

test('the token of the protocol is not what the socket calls its subprotocol', () => {
  const { socket, clock } = sessionPair({ protocols: ['chat', 'other'] });
  expect(socket.protocol).toBe('');
  clock.advance(100);
  expect(socket.protocol).toBe('chat');
  expect(TOKEN).toBe('longsocket.v1');
});
