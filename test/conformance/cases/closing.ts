/** `close()`, and how connections end. */
import type { Case, Run, Socket } from '../kit.js';

const LOST = ['close', 1006, '', false, 'state 3'];
const OPEN = ['open', 'state 1'];
const ERROR = ['error', 'state 3'];

async function open(run: Run, behaviour = '/quiet'): Promise<Socket> {
  const socket = run.open(behaviour);
  await run.event(socket, 'open');
  return socket;
}

/** The log here, and what the server saw, of a close with these arguments. */
const closed =
  (...args: [code?: unknown, reason?: unknown]) =>
  async (run: Run): Promise<unknown> => {
    const socket = await open(run);
    socket.close(...(args as [number, string]));
    await run.ended(socket);
    return [run.log, (await run.seen()).close];
  };

/** Both, as they are when the code and reason get through. */
const through = (code: number, reason: string): unknown => [
  [OPEN, ['close', code, reason, true, 'state 3']],
  [code, reason],
];

const BAD_CODES = [
  0,
  1,
  999,
  1001,
  1002,
  1005,
  1006,
  1015,
  2999,
  5000,
  65_535,
  -1,
  66_536,
  null,
  'x',
  '',
  {},
  Number.NaN,
];

export const closingCases: readonly Case[] = [
  { name: 'close() sends no code, which is 1005 at both ends', expected: through(1005, ''), ask: closed() },
  { name: 'close(undefined) is close()', expected: through(1005, ''), ask: closed(undefined) },
  { name: 'close(1000)', expected: through(1000, ''), ask: closed(1000) },
  { name: 'close(1000, reason)', expected: through(1000, 'réason'), ask: closed(1000, 'réason') },
  { name: 'close(3000)', expected: through(3000, ''), ask: closed(3000) },
  { name: 'close(4999, reason)', expected: through(4999, 'x'.repeat(123)), ask: closed(4999, 'x'.repeat(123)) },
  { name: 'close(text) converts to a number', expected: through(3001, 'null'), ask: closed('3001', null) },
  { name: 'close(999.5) rounds to the even neighbour', expected: through(1000, ''), ask: closed(999.5) },
  { name: 'close(3000.4) rounds', expected: through(3000, ''), ask: closed(3000.4) },
  {
    name: 'close() replaces lone surrogates of its reason',
    expected: through(1000, '\uFFFDa'),
    ask: closed(1000, '\uDC00a'),
  },
  {
    name: 'other codes are InvalidAccessErrors, and change nothing',
    expected: [BAD_CODES.map(() => 'InvalidAccessError'), 1],
    ask: async (run) => {
      const socket = await open(run);
      return [BAD_CODES.map((code) => run.thrown(() => socket.close(code as number))), socket.readyState];
    },
  },
  {
    name: 'a bigint or a symbol is a TypeError',
    expected: ['TypeError', 'TypeError', 'TypeError'],
    ask: async (run) => {
      const socket = await open(run);
      const close = socket.close.bind(socket) as (...args: unknown[]) => void;
      return [[1000n], [Symbol()], [1000, Symbol()]].map((args) => run.thrown(() => close(...args)));
    },
  },
  {
    name: 'a reason of more than 123 bytes is a SyntaxError, told behind what is wrong with the code',
    expected: ['SyntaxError', 'SyntaxError', 'SyntaxError', 'InvalidAccessError', 1],
    ask: async (run) => {
      const socket = await open(run);
      const close = (...args: [number, string]) => run.thrown(() => socket.close(...args));
      return [
        close(1000, 'x'.repeat(124)),
        close(1000, 'é'.repeat(62)),
        close(undefined as never, '\uD800'.repeat(42)),
        close(1, 'x'.repeat(124)),
        socket.readyState,
      ];
    },
  },
  {
    name: 'arguments are checked when it is connecting and when it is closed, too',
    expected: ['InvalidAccessError', 'InvalidAccessError', 'SyntaxError'],
    ask: async (run) => {
      const socket = run.dial(run.url('/quiet'));
      const before = run.thrown(() => socket.close(1));
      await run.event(socket, 'open');
      socket.close();
      await run.ended(socket);
      return [before, run.thrown(() => socket.close(1)), run.thrown(() => socket.close(1000, 'x'.repeat(124)))];
    },
  },
  {
    name: 'close() is closing at once, tells later, and once',
    expected: [2, ['called'], [OPEN, ['close', 4000, 'first', true, 'state 3']], 3],
    ask: async (run) => {
      const socket = await open(run);
      const order: string[] = [];
      socket.onclose = () => order.push('close');
      socket.close(4000, 'first');
      order.push('called');
      socket.close(4001, 'second');
      const { readyState } = socket;
      await Promise.resolve();
      const told = [...order];
      await run.ended(socket);
      socket.close(4002);
      await run.later(20);
      return [readyState, told, run.log, socket.readyState];
    },
  },
  {
    name: 'close() while connecting is closing at once; an error and a close follow in a task of their own',
    expected: [2, [], [], [ERROR, LOST]],
    ask: async (run) => {
      const socket = run.open('/quiet');
      socket.close();
      const { readyState } = socket;
      const inside = [...run.log];
      await Promise.resolve();
      const behind = [...run.log];
      await run.ended(socket);
      return [readyState, inside, behind, run.log];
    },
  },
  {
    name: 'close() while connecting, to a server that never answers, is as quick',
    expected: [ERROR, LOST],
    ask: async (run) => {
      const socket = run.open('/mute');
      await run.later(20);
      socket.close(3000, 'unused');
      await run.ended(socket);
    },
  },
  {
    name: 'messages that come once close() was called are dropped',
    expected: [OPEN, ['message', '1', 'state 1'], ['close', true]],
    ask: async (run) => {
      const socket = run.dial(run.url('/burst?n=20&code=4001'));
      run.record(socket);
      socket.addEventListener('message', () => socket.close());
      await run.ended(socket);
      // Whose code it is depends on whose close frame was faster.
      return run.log.map((entry) => (Array.isArray(entry) && entry[0] === 'close' ? ['close', entry[3]] : entry));
    },
  },
  {
    name: 'what was sent before close() arrives before it',
    expected: [100, [4000, '']],
    ask: async (run) => {
      const socket = await open(run);
      for (let n = 0; n < 100; n++) socket.send('x'.repeat(1000));
      socket.close(4000);
      const { messages, close } = await run.seen();
      return [messages.length, close];
    },
  },
  ...[1000, 1001, 1003, 1007, 1008, 1009, 1011, 1012, 3000, 4999].map(
    (code): Case => ({
      name: `the server's close with ${code} is told as it is`,
      expected: [OPEN, ['close', code, 'why', true, 'state 3']],
      ask: async (run) => {
        await run.ended(run.open(`/close?code=${code}&reason=why`));
      },
    }),
  ),
  {
    name: "the server's close without a code is 1005",
    expected: [OPEN, ['close', 1005, '', true, 'state 3']],
    ask: async (run) => {
      await run.ended(run.open('/close'));
    },
  },
  {
    name: 'a connection that is cut is 1006, and no failure',
    expected: [OPEN, LOST],
    ask: async (run) => {
      const socket = await open(run, '/cut');
      socket.send('now');
      await run.ended(socket);
    },
  },
  {
    name: 'a frame that is against the protocol is a failure',
    expected: [OPEN, ERROR, LOST],
    ask: async (run) => {
      await run.ended(run.open('/bad-frame'));
    },
  },
  {
    name: 'an upgrade that is refused is a failure, and so is a port where nobody listens',
    expected: [ERROR, LOST, ERROR, LOST],
    ask: async (run) => {
      await run.ended(run.open('/refuse'));
      const socket = run.dial('ws://127.0.0.1:9/');
      run.record(socket);
      await run.ended(socket);
    },
  },
  {
    name: 'a close event is a CloseEvent, and an error event a plain one',
    expected: [
      ['Event', 'error', false, false, true],
      ['CloseEvent', 'close', false, false, true],
    ],
    ask: async (run) => {
      const socket = run.dial(run.url('/refuse'));
      const events: unknown[] = [];
      for (const type of ['error', 'close'] as const) {
        socket.addEventListener(type, (event: Event) => {
          const { bubbles, cancelable } = event;
          events.push([event.constructor.name, event.type, bubbles, cancelable, event instanceof Event]);
        });
      }
      await run.ended(socket);
      return events;
    },
  },
];
