/** What goes through a connection comes out as it was. */
import { LongSocket } from 'longsocket';
import { assert, type Case, equal, type Tools, until } from '../harness.js';

const MIB = 1024 * 1024;

const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31) % 251);

const same = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);

async function echoed(tools: Tools, sent: string | ArrayBuffer | Uint8Array): Promise<unknown> {
  const room = await tools.room();
  const client = tools.open(room.url());
  client.socket.send(sent);
  return await client.next('message');
}

export const messages: readonly Omit<Case, 'group'>[] = [
  {
    name: 'text comes back as it was, beyond the basic plane too',
    async run(tools) {
      const text = 'héllo wörld, 你好, 🧦\u0000\r\n';
      equal(await echoed(tools, text), text, 'the echo');
    },
  },
  {
    name: 'empty text and empty bytes are messages',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url());
      client.socket.send('');
      client.socket.send(new Uint8Array());
      await client.next('message', 2);
      equal(client.events.message, ['', new ArrayBuffer(0)], 'the echoes');
    },
  },
  {
    name: 'of a view, exactly its bytes are sent',
    async run(tools) {
      const view = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4);
      equal(await echoed(tools, view), new Uint8Array([1, 2, 3]).buffer, 'the echo');
    },
  },
  {
    name: '1 MiB of text comes back as it was',
    async run(tools) {
      const text = 'Größe 🧦 '.repeat(MIB / 16).slice(0, MIB);
      assert((await echoed(tools, text)) === text, 'the echo differs');
    },
  },
  {
    name: '1 MiB of bytes comes back as it was',
    async run(tools) {
      const bytes = pattern(MIB);
      const echo = await echoed(tools, bytes.buffer as ArrayBuffer);
      assert(echo instanceof ArrayBuffer && same(new Uint8Array(echo), bytes), 'the echo differs');
    },
  },
  {
    name: "binaryType 'uint8array' gives exactly that class",
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url(), { binaryType: 'uint8array' });
      client.socket.send(new Uint8Array([1, 2, 3]));
      const echo = (await client.next('message')) as Uint8Array;
      assert(Object.getPrototypeOf(echo) === Uint8Array.prototype, `it was a ${echo?.constructor?.name}`);
      equal(echo, new Uint8Array([1, 2, 3]), 'the echo');
    },
  },
  {
    name: 'what is sent before the connection waits, and goes out in order',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url(), { autoConnect: false });
      const sent = Array.from({ length: 50 }, (_, n) => `message ${n}`);
      client.socket.connect();
      for (const message of sent) equal(client.socket.send(message), 'queued', 'what send returns');
      await client.next('message', sent.length);
      equal(client.events.message, sent, 'the echoes');
      equal(client.socket.send('last'), 'sent', 'what send returns when connected');
    },
  },
  {
    name: 'the subprotocol is the one that the server chose',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url(), { protocols: ['first.v1', 'second.v2'] });
      await client.next('open');
      equal(client.socket.protocol, 'first.v1', 'protocol');
      equal(
        (await room.seen()).headers['sec-websocket-protocol']?.replace(/\s/g, ''),
        'first.v1,second.v2',
        'the offer',
      );
    },
  },
  {
    name: 'an async url is asked for each dial',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(async ({ attempt, reason }) => room.url(`/?${reason}${attempt}`), { backoffBase: 10 });
      await client.next('open');
      assert(client.socket.url.endsWith('/?connect1'), client.socket.url);
      await room.do('cut');
      await client.next('open', 2);
      assert(client.socket.url.includes('retry'), client.socket.url);
    },
  },
  {
    name: 'onConnect finishes before what waits is sent',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url(), {
        onConnect: async (connection) => {
          connection.send('hello');
          equal(await connection.receive(), 'hello', 'the answer');
        },
      });
      client.socket.send('application');
      equal(await client.next('message'), 'application', 'the message');
      equal((await room.seen()).messages, ['hello', 'application'], 'what came');
    },
  },
  {
    name: 'async iteration gives every message, and ends with the socket',
    async run(tools) {
      const room = await tools.room();
      const { socket } = tools.open(room.url());
      for (const message of ['one', 'two', 'three']) socket.send(message);
      const got: unknown[] = [];
      for await (const message of socket) if (got.push(message) === 3) socket.close();
      equal(got, ['one', 'two', 'three'], 'the messages');
    },
  },
  {
    name: 'write() waits where send() would throw, and drain() for all',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url(), { maxBufferedBytes: 100_000 });
      const chunk = pattern(50_000);
      for (let n = 0; n < 60; n++) await client.socket.write(chunk);
      await client.socket.drain();
      await client.next('message', 60);
      const right = client.events.message.filter((echo) => same(new Uint8Array(echo as ArrayBuffer), chunk));
      equal(right.length, 60, 'whole echoes');
    },
  },
  {
    name: 'a burst from the server arrives whole and in order',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url());
      await client.next('open');
      await room.do('say', { count: 2000 });
      await client.next('message', 2000);
      assert(
        client.events.message.every((message, n) => message === `${n}`),
        'the messages are not 0, 1, 2 …',
      );
    },
  },
  {
    name: 'wrong options and wrong messages are typed errors',
    async run(tools) {
      const room = await tools.room();
      const { socket } = tools.open(room.url());
      const code = (action: () => unknown): unknown => {
        try {
          action();
        } catch (error) {
          return (error as { code?: unknown }).code;
        }
        return 'nothing';
      };
      equal(
        code(() => new LongSocket('ftp://x')),
        'INVALID_URL',
        'a wrong scheme',
      );
      equal(
        code(() => new LongSocket(room.url(), { heartbeat: 1 } as never)),
        'INVALID_OPTION',
        'a wrong option',
      );
      equal(
        code(() => socket.send({} as never)),
        'INVALID_MESSAGE',
        'an object',
      );
      equal(
        code(() => socket.close(1006)),
        'INVALID_ARGUMENT',
        'close(1006)',
      );
      await until(() => socket.state.status === 'connected', 'the connection');
    },
  },
];
