/** The shape of the class and of its objects (Web IDL; WHATWG WebSockets, "The WebSocket interface"). */
import type { Case } from '../kit.js';

const READ_ONLY = ['url', 'readyState', 'bufferedAmount', 'extensions', 'protocol'];
const HANDLERS = ['onopen', 'onerror', 'onclose', 'onmessage'];
const STATES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const;

export const interfaceCases: readonly Case[] = [
  {
    name: 'the class: its name, length and ancestors',
    expected: ['WebSocket', 1, true, true, '[object WebSocket]'],
    ask: ({ WebSocket }) => [
      WebSocket.name,
      WebSocket.length,
      Object.getPrototypeOf(WebSocket) === EventTarget,
      Object.getPrototypeOf(WebSocket.prototype) === EventTarget.prototype,
      Object.prototype.toString.call(WebSocket.prototype),
    ],
  },
  {
    name: 'the constants: on the class, the prototype and every object, and unchangeable',
    expected: STATES.map((_, value) => [value, value, value, true, false, false, false]),
    ask: (run) => {
      const socket = run.dial(run.url('/mute'));
      return STATES.map((name) => {
        const { enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(run.WebSocket, name) ?? {};
        const own = Object.hasOwn(socket, name);
        return [
          run.WebSocket[name],
          run.WebSocket.prototype[name],
          socket[name],
          enumerable,
          writable,
          configurable,
          own,
        ];
      });
    },
  },
  {
    name: 'attributes: enumerable accessors of the prototype, and no other way round',
    expected: [
      ...READ_ONLY.map((name) => [name, true, true, true, false]),
      ...[...HANDLERS, 'binaryType'].map((name) => [name, true, true, true, true]),
    ],
    ask: ({ WebSocket }) =>
      [...READ_ONLY, ...HANDLERS, 'binaryType'].map((name) => {
        const descriptor = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
        return [name, descriptor?.enumerable, descriptor?.configurable, !!descriptor?.get, !!descriptor?.set];
      }),
  },
  {
    name: 'operations: enumerable, writable, with the lengths of their required arguments',
    expected: [
      ['send', 1, true, true, true],
      ['close', 0, true, true, true],
    ],
    ask: ({ WebSocket }) =>
      (['send', 'close'] as const).map((name) => {
        const { enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(WebSocket.prototype, name) ?? {};
        return [name, WebSocket.prototype[name].length, enumerable, writable, configurable];
      }),
  },
  {
    name: 'attributes that are read-only stay as they are when they are assigned, and throw in strict code',
    expected: READ_ONLY.map((name) => [name, 'TypeError']),
    ask: (run) => {
      const socket = run.dial(run.url('/mute'));
      return READ_ONLY.map((name) => [name, run.thrown(() => Object.assign(socket, { [name]: 5 }))]);
    },
  },
  {
    name: 'a call without new, and without arguments, is a TypeError',
    expected: ['TypeError', 'TypeError', 'TypeError'],
    ask: ({ WebSocket, thrown }) => [
      thrown(() => (WebSocket as unknown as (url: string) => void)('ws://127.0.0.1')),
      thrown(() => new (WebSocket as unknown as new () => unknown)()),
      thrown(() => Reflect.construct(WebSocket, [])),
    ],
  },
  {
    name: 'members of anything that is no WebSocket are TypeErrors',
    expected: Array(9).fill('TypeError'),
    ask: ({ WebSocket, thrown }) => {
      const stranger = Object.create(WebSocket.prototype);
      return [
        ...['url', 'readyState', 'bufferedAmount', 'onopen', 'binaryType'].map((name) => thrown(() => stranger[name])),
        thrown(() => {
          stranger.onopen = null;
        }),
        thrown(() => {
          stranger.binaryType = 'blob';
        }),
        thrown(() => stranger.send('x')),
        thrown(() => stranger.close()),
      ];
    },
  },
  {
    name: 'send() without an argument is a TypeError, also before it is open',
    expected: ['TypeError', 'TypeError', 'InvalidStateError'],
    ask: async (run) => {
      const socket = run.dial(run.url('/echo'));
      const send = socket.send.bind(socket) as (...data: unknown[]) => void;
      const before = [run.thrown(() => send()), run.thrown(() => send(Symbol())), run.thrown(() => send('x'))];
      return before;
    },
  },
  {
    name: 'a subclass is as good',
    expected: [true, true, '[object WebSocket]', 1],
    ask: async (run) => {
      class Mine extends run.WebSocket {}
      const socket = new Mine(run.url('/echo'));
      await run.event(socket, 'open');
      const answer = [socket instanceof Mine, socket instanceof run.WebSocket, String(socket), socket.readyState];
      socket.close();
      return answer;
    },
  },
  {
    name: 'a new one: connecting, with empty protocol and extensions, and blobs',
    expected: [0, '', '', 0, 'blob', null, null, null, null],
    ask: (run) => {
      const { readyState, protocol, extensions, bufferedAmount, binaryType, onopen, onmessage, onerror, onclose } =
        run.dial(run.url('/mute'));
      return [readyState, protocol, extensions, bufferedAmount, binaryType, onopen, onmessage, onerror, onclose];
    },
  },
  {
    name: 'binaryType takes its two values, and ignores all others without an exception',
    expected: ['arraybuffer', 'arraybuffer', 'arraybuffer', 'arraybuffer', 'arraybuffer', 'blob'],
    ask: (run) => {
      const socket = run.dial(run.url('/mute'));
      return ['arraybuffer', 'nodebuffer', '', 'Blob', null, 'blob'].map((value) => {
        socket.binaryType = value as BinaryType;
        return socket.binaryType;
      });
    },
  },
  {
    name: 'handlers: what is no object stands for null; an object stays, called or not',
    expected: [null, null, null, null, null, true, true, null],
    ask: (run) => {
      const socket = run.dial(run.url('/mute'));
      const object = { handleEvent() {} };
      const handler = () => {};
      const values = [1, '', 'x', true, undefined, object, handler, null];
      return values.map((value) => {
        socket.onmessage = value as typeof handler;
        return value === object || value === handler ? (socket.onmessage as unknown) === value : socket.onmessage;
      });
    },
  },
];
