/** Nothing lost, nothing twice, in order, both ways; and when that cannot be, it is counted. */
import { assert, type Case, equal, type Recorded, type Room, sleep, until } from '../harness.js';

const session = { session: true, backoffBase: 10, minUptime: 0 } as const;

/** Sends numbered messages while `disturb` is at work; each must come to the server, and back, once and in order. */
async function traffic(client: Recorded, room: Room, disturb: () => Promise<unknown>): Promise<void> {
  const sent: string[] = [];
  let disturbed = false;
  const disturbing = disturb().finally(() => {
    disturbed = true;
  });
  while (!disturbed || sent.length < 100) {
    sent.push(`${sent.length}`);
    await client.socket.write(sent.at(-1) as string);
    await sleep(2);
  }
  await disturbing;
  await client.socket.delivered();
  await client.next('message', sent.length);
  equal(client.events.message, sent, 'what came back');
  equal((await room.seen()).messages, sent, 'what the server had');
}

export const sessions: readonly Omit<Case, 'group'>[] = [
  {
    name: 'nothing is lost over cuts, either way',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/session'), session);
      await client.next('open');
      await traffic(client, room, async () => {
        for (let n = 1; n <= 5; n++) {
          await room.do('cut', { kind: n % 2 ? 'rst' : 'fin' });
          assert((await client.next('open', n + 1)).resumed, `connection ${n + 1} has not resumed the session`);
          await sleep(20);
        }
      });
      equal(client.events.lost, [], 'losses');
      equal((await room.seen()).sessions, 1, 'sessions at the server');
    },
  },
  {
    name: 'what the server sends meanwhile waits for the client',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/session'), session);
      await client.next('open');
      await room.do('refuse', { on: true });
      await room.do('cut');
      await client.next('interrupted');
      equal(await room.do('say', { count: 300 }), 1, 'sessions spoken to');
      await room.do('refuse', { on: false });
      await client.next('message', 300);
      equal(
        client.events.message,
        Array.from({ length: 300 }, (_, n) => `${n}`),
        'the messages',
      );
    },
  },
  {
    name: 'rotates to another connection without a gap',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/session'), session);
      await client.next('open');
      await traffic(client, room, async () => {
        for (let n = 1; n <= 3; n++) {
          client.socket.rotate();
          equal((await client.next('rotated', n)).cause, 'caller', 'why it rotated');
        }
      });
      equal(client.events.interrupted, [], 'interruptions');
      equal(client.events.open.length, 1, 'open events');
      await until(async () => (await room.seen()).open === 1, 'the old connections to be gone');
    },
  },
  {
    name: 'a dead connection is found by the heartbeat of the session',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/session'), { ...session, heartbeat: { interval: 300, timeout: 1000 } });
      await client.next('open');
      await room.do('silence');
      equal((await client.next('interrupted')).cause, 'dead-peer', 'why it ended');
      assert((await client.next('open', 2)).resumed, 'the session goes on');
    },
  },
  {
    name: 'a server that has lost the session says so, and what was lost is handed back',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/session'), session);
      client.socket.send('arrives');
      await client.socket.delivered();
      await client.next('message');
      await room.do('refuse', { on: true });
      await room.do('restart');
      await client.next('interrupted');
      client.socket.send('does not');
      await room.do('refuse', { on: false });
      const { undelivered, unknown, messages } = await client.next('lost');
      equal((undelivered ?? 0) + unknown, 1, 'messages that are lost, or may be');
      equal(messages, ['does not'], 'what is handed back');
      client.socket.send('in the new session');
      equal(await client.next('message', 2), 'in the new session', 'the echo');
    },
  },
  {
    name: "with onLost: 'close' that is the end",
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/session'), { ...session, onLost: 'close' });
      await client.next('open');
      await room.do('restart');
      equal((await client.next('close')).cause, 'session-lost', 'why it ended');
      equal(client.events.lost.length, 1, 'losses');
    },
  },
  {
    name: 'close() of either side comes behind all messages',
    async run(tools) {
      const room = await tools.room();
      const [mine, theirs] = [tools.open(room.url('/session'), session), tools.open(room.url('/session'), session)];
      await mine.next('open');
      await theirs.next('open');
      mine.socket.send('last words');
      mine.socket.close(4000, 'mine');
      const end = await mine.next('close');
      equal([end.code, end.undelivered, end.wasClean], [4000, 0, true], 'the end by the client');
      await room.do('say', { count: 100 });
      await room.do('closeAll', { code: 4002, reason: 'theirs' });
      const { code, reason } = await theirs.next('close');
      equal([code, reason, theirs.events.message.length], [4002, 'theirs', 100], 'the end by the server');
      equal((await room.seen()).messages, ['last words'], 'what the server had');
    },
  },
  {
    name: 'a slow reader slows the sender, and gets all',
    async run(tools) {
      const room = await tools.room();
      const socket = tools.socket(room.url('/session'), { ...session, maxBufferedBytes: 65_536 });
      const text = 'x'.repeat(10_000);
      let read = 0;
      for (let n = 0; n < 40; n++) await socket.write(`${n}${text}`);
      for await (const message of socket) {
        assert(String(message).startsWith(`${read}x`), `message ${read} is another`);
        if (++read === 40) break;
        if (read % 10 === 0) await sleep(50);
      }
      equal(read, 40, 'messages read');
    },
  },
  {
    name: 'a server without sessions is a final error that says so',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/'), session);
      const { cause, error } = await client.next('failed');
      equal(cause, 'no-session', 'why it failed');
      equal(client.events.error.at(-1)?.code, 'SESSION_UNSUPPORTED', 'the code of the error');
      assert(error === undefined || error instanceof Error, 'the cause is an error, if any');
    },
  },
];
