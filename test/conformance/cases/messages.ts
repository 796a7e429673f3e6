/** `send()`, `bufferedAmount` and what arrives. */
import { type Case, plain, type Run, type Socket } from '../kit.js';

async function open(run: Run, behaviour = '/echo'): Promise<Socket> {
  const socket = run.dial(run.url(behaviour));
  socket.binaryType = 'arraybuffer';
  await run.event(socket, 'open');
  return socket;
}

/** What the server got of what is sent here, in order. */
async function sent(run: Run, send: (socket: Socket) => unknown): Promise<unknown> {
  const socket = await open(run, '/quiet');
  await send(socket);
  socket.close();
  return (await run.seen()).messages;
}

export const messageCases: readonly Case[] = [
  {
    name: 'text and bytes come back as they went',
    expected: ['text', '', 'é€😀\u0000', [1, 2, 3], []],
    ask: async (run) => {
      const socket = await open(run);
      const answers: unknown[] = [];
      for (const data of ['text', '', 'é€😀\u0000', Uint8Array.of(1, 2, 3), new ArrayBuffer(0)]) {
        socket.send(data);
        answers.push(plain((await run.event(socket, 'message')).data));
      }
      return answers;
    },
  },
  {
    name: 'send() takes views of buffers, of their part alone',
    expected: [[2, 3], [6, 7], [1, 0, 2, 0], [9]],
    ask: (run) =>
      sent(run, (socket) => {
        socket.send(Uint8Array.of(1, 2, 3).subarray(1));
        socket.send(new DataView(Uint8Array.of(5, 6, 7).buffer, 1));
        socket.send(Uint16Array.of(1, 2));
        socket.send(Uint8Array.of(9).buffer);
      }),
  },
  {
    name: 'send() makes text of what is neither bytes nor a Blob',
    expected: ['null', 'undefined', '12.5', 'true', '[object Object]', '1,2', 'mine', '[object SharedArrayBuffer]'],
    ask: (run) =>
      sent(run, (socket) => {
        const send = socket.send.bind(socket) as (data: unknown) => void;
        const shared =
          typeof SharedArrayBuffer === 'function' ? new SharedArrayBuffer(4) : '[object SharedArrayBuffer]';
        for (const data of [null, undefined, 12.5, true, {}, [1, 2], { toString: () => 'mine' }, shared]) send(data);
      }),
  },
  {
    name: 'send() replaces lone surrogates',
    expected: ['\uFFFD', '\uFFFDx\uFFFD', '😀'],
    ask: (run) =>
      sent(run, (socket) => {
        for (const text of ['\uD800', '\uDC00x\uD83D', '\uD83D\uDE00']) socket.send(text);
      }),
  },
  {
    name: 'send() refuses bytes that others may change or resize',
    expected: ['TypeError', 'TypeError', 'TypeError'],
    ask: async (run) => {
      const socket = await open(run);
      const buffer = new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(1, { maxByteLength: 2 });
      const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer;
      return [new Uint8Array(shared), buffer, new Uint8Array(buffer)].map((data) =>
        run.thrown(() => socket.send(data)),
      );
    },
  },
  {
    name: 'a buffer may be changed as soon as it is sent, and one that was transferred away is empty',
    expected: [[1], []],
    ask: (run) =>
      sent(run, (socket) => {
        const bytes = Uint8Array.of(1);
        socket.send(bytes);
        bytes[0] = 2;
        structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
        socket.send(bytes);
      }),
  },
  {
    name: 'Blobs keep their place among other messages',
    expected: ['first', [98, 108, 111, 98], 'text', [7], [], 'last'],
    ask: (run) =>
      sent(run, (socket) => {
        for (const data of ['first', new Blob(['blob']), 'text', Uint8Array.of(7), new Blob([]), 'last'])
          socket.send(data);
      }),
  },
  {
    name: 'close() lets a Blob that is being read go first',
    expected: [[[120, 121]], [4000, 'bye']],
    ask: async (run) => {
      const socket = await open(run, '/quiet');
      socket.send(new Blob(['x', 'y']));
      socket.close(4000, 'bye');
      const { messages, close } = await run.seen();
      return [messages, close];
    },
  },
  {
    name: 'bytes come as binaryType says at the time',
    expected: ['ArrayBuffer', 'Blob', 'ArrayBuffer', [[1], [2], [3]]],
    ask: async (run) => {
      const socket = await open(run);
      const kinds: unknown[] = [];
      const contents: unknown[] = [];
      for (const [n, type] of (['arraybuffer', 'blob', 'arraybuffer'] as const).entries()) {
        socket.send(Uint8Array.of(n + 1));
        socket.binaryType = type;
        const { data } = await run.event(socket, 'message');
        kinds.push(data.constructor.name);
        contents.push(plain(data instanceof Blob ? await data.arrayBuffer() : data));
      }
      return [...kinds, contents];
    },
  },
  {
    name: 'what the server sends at once, and its close behind it, come in order',
    expected: [
      ['open', 'state 1'],
      ['message', '1', 'state 1'],
      ['message', [2], 'state 1'],
      ['message', '3', 'state 1'],
      ['message', [4], 'state 1'],
      ['close', 4001, 'enough', true, 'state 3'],
    ],
    ask: async (run) => {
      await run.ended(run.open('/burst?n=4&code=4001&reason=enough'));
    },
  },
  {
    name: 'large messages arrive whole, of 65 536 bytes and of a million characters',
    expected: [65_536, 255, 1_000_000, '…'],
    ask: async (run) => {
      const socket = await open(run);
      socket.send(new Uint8Array(65_536).fill(255));
      const { data: bytes } = await run.event(socket, 'message');
      socket.send('…'.repeat(1_000_000));
      const { data: text } = await run.event(socket, 'message');
      return [bytes.byteLength, new Uint8Array(bytes)[65_535], text.length, text[999_999]];
    },
  },
  {
    name: 'a message event is a MessageEvent with data and origin, and neither bubbles nor can be cancelled',
    expected: ['MessageEvent', 'message', 'hi', true, '', null, [], false, false, true, true],
    ask: async (run) => {
      const socket = await open(run);
      socket.send('hi');
      const event = await run.event(socket, 'message');
      const { type, data, origin, lastEventId, source, ports, bubbles, cancelable } = event;
      const { host } = new URL(socket.url);
      return [
        event.constructor.name,
        type,
        data,
        origin === `ws://${host}`,
        lastEventId,
        source,
        [...ports],
        bubbles,
        cancelable,
        event.target === socket,
        event instanceof Event,
      ];
    },
  },
  {
    name: 'bufferedAmount counts bytes of what is sent in this task, whatever the transport has taken',
    expected: [0, 4, 13, 23, 28, 0],
    ask: async (run) => {
      const socket = await open(run, '/quiet');
      await run.later(5);
      const amounts = [socket.bufferedAmount];
      for (const data of ['text', 'é€😀', new Uint8Array(10), new Blob(['12345'])]) {
        socket.send(data);
        amounts.push(socket.bufferedAmount);
      }
      while (socket.bufferedAmount > 0) await run.later(5);
      return [...amounts, socket.bufferedAmount];
    },
  },
  {
    name: 'bufferedAmount counts in a listener of open as well, and in the next one',
    expected: [5, 5],
    ask: async (run) => {
      const socket = run.dial(run.url('/quiet'));
      const amounts: number[] = [];
      socket.onopen = () => {
        socket.send('12345');
        amounts.push(socket.bufferedAmount);
      };
      socket.addEventListener('open', () => amounts.push(socket.bufferedAmount));
      await run.event(socket, 'open');
      return amounts;
    },
  },
  {
    name: 'what is sent when it is closing or closed only counts, and the count stays',
    expected: [3, 5, 15, 18, 18, []],
    ask: async (run) => {
      const socket = await open(run, '/quiet');
      await run.later(5);
      socket.close();
      socket.send('abc');
      const amounts = [socket.bufferedAmount];
      await run.ended(socket);
      for (const data of ['é', new Uint8Array(10), new Blob(['xyz'])]) {
        socket.send(data);
        amounts.push(socket.bufferedAmount);
      }
      await run.later(20);
      return [...amounts, socket.bufferedAmount, (await run.seen()).messages];
    },
  },
];
