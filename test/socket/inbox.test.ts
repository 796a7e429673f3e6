import { describe, expect, test } from 'vitest';
import { Inbox, type InboxReader, shiftMessage } from '../../src/socket/inbox.js';
import { sessionPair } from '../helpers/session-pair.js';
import { SessionServer } from '../sim/session-network.js';
import { settle } from './simulated.js';

/** An inbox, and what the machine was told: the number read, and whether the application pulls. */
function inbox() {
  const told: [number: number, pulls: boolean][] = [];
  const delivered: string[] = [];
  const listeners = { count: 0, onmessage: (_: string): void => {} };
  const audience = {
    count: () => listeners.count,
    emit: (_: 'message', message: string): void => {
      delivered.push(message);
      listeners.onmessage(message);
    },
  };
  const box = new Inbox<string>(audience, (number, pulls) => told.push([number, pulls]));
  let last = 0;
  return {
    box,
    told,
    delivered,
    listeners,
    /** A message comes: is it taken at once? */
    comes: (message: string) => box.takes(message, ++last),
    /** Something comes that is nobody's to read. */
    skip: () => box.skips(++last),
    listen: (count: number) => {
      listeners.count = count;
      box.changed();
    },
    reader: (): InboxReader<string> => {
      const reader = { unread: [] };
      box.read(reader);
      listeners.count++;
      box.changed();
      return reader;
    },
    leave: (reader: InboxReader<string>) => {
      listeners.count--;
      box.leave(reader, reader.unread);
      box.changed();
    },
  };
}

describe('messages that nobody reads', () => {
  test('are held, and the machine is not told that they were read', () => {
    const { comes, told } = inbox();
    expect([comes('a'), comes('b')]).toEqual([false, false]);
    expect(told).toEqual([]);
  });

  test('and what is nobody’s between them count as unread while one of several readers has them before it', async () => {
    const { comes, skip, listen, listeners, reader, told } = inbox();
    comes('a');
    skip();
    comes('b');
    listen(1);
    const { unread } = reader();
    listeners.onmessage = (message) => unread.push(message);
    await settle();
    expect(told.map(([number]) => number).filter((number) => number > 0)).toEqual([]);
    expect(shiftMessage(unread)).toBe('a');
    expect(unread).toEqual(['b']);
  });

  test('go to the first listener, behind the tick in which it came, in their order', async () => {
    const { comes, listen, delivered, told } = inbox();
    comes('a');
    comes('b');
    listen(1);
    expect(delivered).toEqual([]);
    expect(comes('c')).toBe(false);
    await settle();
    expect(delivered).toEqual(['a', 'b', 'c']);
    expect(told).toEqual([[3, false]]);
    expect(comes('d')).toBe(true);
  });

  test('stay if the listener goes before it could have them', async () => {
    const { comes, listen, delivered, told } = inbox();
    comes('a');
    listen(1);
    listen(0);
    await settle();
    expect([delivered, told]).toEqual([[], []]);
    listen(1);
    await settle();
    expect(delivered).toEqual(['a']);
  });

  test('stay if the listener goes while it has the first of them', async () => {
    const { comes, delivered, listen, listeners, told } = inbox();
    for (const message of ['a', 'b', 'c']) comes(message);
    listeners.onmessage = () => {
      listeners.count = 0;
    };
    listen(1);
    await settle();
    expect(delivered).toEqual(['a']);
    expect(told).toEqual([[1, true]]);
    listen(1);
    await settle();
    expect(delivered).toEqual(['a', 'b']);
  });

  test('are not taken for read since a second listener came', () => {
    const { comes, listen, told } = inbox();
    comes('a');
    listen(1);
    listen(2);
    listen(0);
    expect(told).toEqual([]);
  });

  test('are what one who iterates begins with; none of them counts as read before it is taken', () => {
    const { box, comes, reader, told } = inbox();
    for (const message of ['a', 'b', 'c']) comes(message);
    const { unread } = reader();
    expect(unread).toEqual(['a', 'b', 'c']);
    box.settle();
    expect(told).toEqual([]);
    unread.shift();
    box.settle();
    expect(told).toEqual([[1, true]]);
  });

  test('go to all who are there: listeners that came first, and one who iterates', async () => {
    const { comes, listen, listeners, reader, delivered, told } = inbox();
    comes('a');
    listen(1);
    const { unread } = reader();
    expect(unread).toEqual([]);
    listeners.onmessage = (message) => unread.push(message);
    await settle();
    expect([delivered, unread]).toEqual([['a'], ['a']]);
    expect(told).toEqual([]);
  });

  test('reach one who iterates even if the listener that came first is gone', async () => {
    const { comes, listen, reader, delivered } = inbox();
    comes('a');
    listen(1);
    reader();
    listen(1); // It alone.
    await settle();
    expect(delivered).toEqual(['a']);
  });
});

describe('what counts as read', () => {
  test('is everything as it comes, while there are listeners and no one who iterates', () => {
    const { box, comes, listen, told } = inbox();
    listen(1);
    expect(told).toEqual([[0, false]]);
    comes('a');
    box.settle();
    expect(told).toHaveLength(1);
  });

  test('is what the slowest has taken, while one iterates', () => {
    const { box, comes, reader, told } = inbox();
    const [slow, fast] = [reader(), reader()];
    for (const message of ['a', 'b']) {
      comes(message);
      slow.unread.push(message);
      fast.unread.push(message);
    }
    fast.unread.length = 0;
    box.settle();
    expect(told).toEqual([]);
    slow.unread.shift();
    box.settle();
    expect(told).toEqual([[1, true]]);
  });

  test('is told once, and never taken back', () => {
    const { box, comes, reader, told } = inbox();
    const first = reader();
    comes('a');
    box.settle();
    expect(told).toEqual([[1, true]]);
    comes('b');
    first.unread.push('b');
    box.settle();
    box.settle();
    expect(told).toEqual([[1, true]]);
  });

  test('begins anew with the session, and what is held from before is no part of it', () => {
    const { box, comes, reader, told } = inbox();
    comes('a');
    comes('b');
    box.reset();
    const { unread } = reader();
    box.takes('first of the new session', 1);
    unread.push('first of the new session');
    unread.shift();
    unread.shift();
    box.settle();
    expect(told).toEqual([]);
    unread.shift();
    box.settle();
    expect(told).toEqual([[1, true]]);
  });
});

test('what is read of the next session is told, though its numbers are lower', () => {
  const { box, comes, reader, told } = inbox();
  reader();
  for (const message of ['a', 'b', 'c']) comes(message);
  box.settle();
  box.reset();
  box.takes('first of the new session', 1);
  box.settle();
  expect(told).toEqual([
    [3, true],
    [1, true],
  ]);
});

describe('one who stops iterating', () => {
  test('leaves what it has not taken to the next', () => {
    const { comes, leave, reader, told } = inbox();
    const first = reader();
    for (const message of ['a', 'b', 'c']) {
      comes(message);
      first.unread.push(message);
    }
    first.unread.shift();
    leave(first);
    expect(told).toEqual([[1, true]]);
    comes('d');
    expect(reader().unread).toEqual(['b', 'c', 'd']);
  });

  test('leaves nothing when others have had it', () => {
    const { comes, leave, reader } = inbox();
    const [first, second] = [reader(), reader()];
    comes('a');
    first.unread.push('a');
    leave(first);
    leave(second);
    expect(reader().unread).toEqual([]);
  });

  test('leaves it once, however often it says so', () => {
    const { box, comes, leave, reader } = inbox();
    const first = reader();
    comes('a');
    first.unread.push('a');
    leave(first);
    box.leave(first, first.unread);
    expect(reader().unread).toEqual(['a']);
  });
});

// --- with a session --------------------------------------------------------------------------------------------------

/** A pair whose server's application does not read on its own, and to which the client has sent `a`, `b` and `c`. */
function sent() {
  const pair = sessionPair({}, { reads: false });
  for (const data of ['a', 'b', 'c']) pair.socket.send(data);
  pair.clock.advance(5000);
  return { ...pair, peer: pair.peer() };
}

describe('with a session', () => {
  test('what nobody reads is not acked, and what the first listener has is', async () => {
    const { socket, peer, clock } = sent();
    expect(socket.pending).toBe(3);
    const received: unknown[] = [];
    peer.on('message', (data) => received.push(data));
    await clock.advanceAsync(2000);
    expect(received).toEqual(['a', 'b', 'c']);
    expect(socket.pending).toBe(0);
  });

  test('once() takes one message and leaves the others', async () => {
    const { socket, peer, clock } = sent();
    const received: unknown[] = [];
    peer.once('message', (data) => received.push(data));
    await clock.advanceAsync(2000);
    expect(received).toEqual(['a']);
    expect(socket.pending).toBe(2);
    peer.once('message', (data) => received.push(data));
    await clock.advanceAsync(2000);
    expect(received).toEqual(['a', 'b']);
    expect(socket.pending).toBe(1);
  });

  test('once() inside its own listener takes the next', async () => {
    const { socket, peer, clock } = sent();
    const received: unknown[] = [];
    const next = (): unknown =>
      peer.once('message', (data) => {
        received.push(data);
        next();
      });
    next();
    await clock.advanceAsync(0);
    socket.send('d');
    await clock.advanceAsync(2000);
    expect(received).toEqual(['a', 'b', 'c', 'd']);
    expect(socket.pending).toBe(0);
  });

  test('a listener that leaves during a burst leaves the rest of it', async () => {
    const { socket, peer, clock } = sessionPair({}, { reads: false });
    clock.advance(100);
    const received: unknown[] = [];
    const off = peer().on('message', (data) => {
      received.push(data);
      if (data === 'b') off();
    });
    for (const data of ['a', 'b', 'c', 'd']) socket.send(data);
    await clock.advanceAsync(2000);
    expect(received).toEqual(['a', 'b']);
    expect(socket.pending).toBe(2);
    peer().on('message', (data) => received.push(data));
    await clock.advanceAsync(2000);
    expect(received).toEqual(['a', 'b', 'c', 'd']);
    expect(socket.pending).toBe(0);
  });

  test('a listener added inside a listener begins with the next message', async () => {
    const { socket, peer, clock } = sent();
    const [first, second]: unknown[][] = [[], []];
    let added = false;
    peer.on('message', (data) => {
      first?.push(data);
      if (!added) peer.on('message', (also) => second?.push(also));
      added = true;
    });
    await clock.advanceAsync(2000);
    expect([first, second]).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
    ]);
    expect(socket.pending).toBe(0);
  });

  test('an iterator acks what is taken from it, and no more', async () => {
    const { socket, peer, clock } = sent();
    const iterator = peer[Symbol.asyncIterator]();
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(3);
    expect(await iterator.next()).toMatchObject({ value: 'a' });
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(2);
  });

  test('an iterator that waits for a message acks it when it comes', async () => {
    const { socket, peer, clock } = sent();
    const iterator = peer[Symbol.asyncIterator]();
    const reads = [1, 2, 3, 4].map(() => iterator.next());
    socket.send('d');
    await clock.advanceAsync(2000);
    expect((await Promise.all(reads)).map(({ value }) => value)).toEqual(['a', 'b', 'c', 'd']);
    expect(socket.pending).toBe(0);
  });

  test('an iterator that breaks off leaves the rest to the next one', async () => {
    const { socket, peer, clock } = sent();
    const received: unknown[] = [];
    for await (const data of peer) {
      received.push(data);
      break;
    }
    socket.send('d');
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(3);
    for await (const data of peer) {
      received.push(data);
      if (data === 'd') break;
    }
    await clock.advanceAsync(2000);
    expect(received).toEqual(['a', 'b', 'c', 'd']);
    expect(socket.pending).toBe(0);
  });

  test('an iterator that breaks off leaves the rest to a listener', async () => {
    const { socket, peer, clock } = sent();
    const iterator = peer[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return?.();
    const received: unknown[] = [];
    peer.on('message', (data) => received.push(data));
    await clock.advanceAsync(2000);
    expect(received).toEqual(['b', 'c']);
    expect(socket.pending).toBe(0);
  });

  test('several iterators have all messages each, and the slowest decides', async () => {
    const { socket, peer, clock } = sessionPair({}, { reads: false });
    clock.advance(100);
    const [slow, fast] = [peer()[Symbol.asyncIterator](), peer()[Symbol.asyncIterator]()];
    for (const data of ['a', 'b']) socket.send(data);
    await clock.advanceAsync(2000);
    expect([(await fast.next()).value, (await fast.next()).value]).toEqual(['a', 'b']);
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(2);
    expect((await slow.next()).value).toBe('a');
    await clock.advanceAsync(2000);
    expect(socket.pending).toBe(1);
  });

  test('what was held can be read when the life is over, and stays unacked', async () => {
    const { socket, peer, clock, network } = sent();
    network.cut();
    network.dials = 'refuse';
    socket.close();
    peer.close();
    await clock.advanceAsync(200_000);
    expect([socket.state.status, peer.state.status]).toEqual(['closed', 'closed']);
    const received: unknown[] = [];
    for await (const data of peer) received.push(data);
    expect(received).toEqual(['a', 'b', 'c']);
    expect(await socket.closed).toMatchObject({ undelivered: 0, unconfirmed: 3 });
  });

  test('an iterator goes on reading what it has when the life is over', async () => {
    const { peer, clock, server } = sent();
    const iterator = peer[Symbol.asyncIterator]();
    void server.host.close();
    await clock.advanceAsync(100);
    const received: unknown[] = [];
    for await (const data of { [Symbol.asyncIterator]: () => iterator }) received.push(data);
    expect(received).toEqual(['a', 'b', 'c']);
  });

  test('who iterates on acks what is read in the next session, and in the next life', async () => {
    const { socket, peer, clock, network, server } = sessionPair();
    const received: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const data of socket) received.push(data);
    };
    void read();
    clock.advance(100);
    for (const data of ['a', 'b', 'c']) peer().send(data);
    await clock.advanceAsync(5000);
    const next = new SessionServer(network, {}, 'next-');
    network.serve(next.take);
    server.crash();
    await clock.advanceAsync(10_000);
    next.socket.send('d');
    await clock.advanceAsync(5000);
    expect(next.socket.pending).toBe(0);
    socket.close();
    await clock.advanceAsync(5000);
    socket.connect();
    void read();
    await clock.advanceAsync(5000);
    next.socket.send('e');
    await clock.advanceAsync(5000);
    expect(next.socket.pending).toBe(0);
    expect(received).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
