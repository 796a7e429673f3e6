/** The constructor's arguments (WHATWG WebSockets, "new WebSocket(url, protocols)"). */
import type { Case } from '../kit.js';

const BAD_URLS = [
  '',
  'no url',
  '//host',
  'ws:',
  'ws://',
  'ws://host:99999/',
  'ws://[::1',
  'ftp://127.0.0.1/',
  'mailto:somebody@example.com',
  'about:blank',
  'javascript:void(0)',
  'ws://127.0.0.1/#fragment',
  'ws://127.0.0.1/#',
  'wss://127.0.0.1/?query#fragment',
];

const BAD_PROTOCOLS = [
  '',
  ' ',
  'a b',
  'a,b',
  'a/b',
  'a"b',
  '(a)',
  'a\u0000',
  'a\u007f',
  'é',
  '\u2028',
  ['a', 'a'],
  ['a', 'b', 'a'],
  ['a', ''],
  [['b', 'c']],
];

export const constructorCases: readonly Case[] = [
  {
    name: 'URLs that are none, have another scheme, or a fragment, are SyntaxErrors',
    // In a page some of these are relative, and resolve to its own scheme.
    expected: BAD_URLS.slice(3).map((url) => [url, 'SyntaxError']),
    ask: ({ WebSocket, thrown }) =>
      BAD_URLS.slice(3).map((url) => [
        url,
        thrown(() => {
          // Who takes one shall not crash over it.
          new WebSocket(url).onerror = () => {};
        }),
      ]),
  },
  {
    name: 'the exception is a DOMException, with the code of its name',
    expected: [true, 12],
    ask: ({ WebSocket }) => {
      try {
        new WebSocket('ws://127.0.0.1/#').onerror = () => {};
        return undefined;
      } catch (error) {
        return [error instanceof DOMException, (error as DOMException).code];
      }
    },
  },
  {
    name: 'http and https stand for ws and wss',
    expected: ['ws://127.0.0.1:9/x', 'wss://127.0.0.1:9/', 'ws://127.0.0.1/', 'wss://127.0.0.1/'],
    ask: ({ WebSocket }) =>
      ['http://127.0.0.1:9/x', 'https://127.0.0.1:9', 'http://127.0.0.1:80/', 'https://127.0.0.1:443'].map((url) => {
        const socket = new WebSocket(url);
        socket.onerror = () => {};
        return socket.url;
      }),
  },
  {
    name: 'url is the URL serialized: default ports, case, spaces, other characters, lone surrogates',
    expected: [
      'ws://127.0.0.1/',
      'ws://example.test/A%20b?%C3%A9',
      'wss://127.0.0.1/',
      'ws://127.0.0.1:9/',
      'ws://user:pass@127.0.0.1:9/',
      'ws://127.0.0.1:9/%EF%BF%BD',
    ],
    ask: ({ WebSocket }) =>
      [
        'ws://127.0.0.1:80',
        'WS://EXAMPLE.test/A b?é',
        'wss://127.0.0.1:443',
        ' ws://127.0.0.1:9 ',
        'ws://user:pass@127.0.0.1:9/',
        'ws://127.0.0.1:9/\uD800',
      ].map((url) => {
        const socket = new WebSocket(url);
        socket.onerror = () => {};
        return socket.url;
      }),
  },
  {
    name: 'a URL object will do',
    expected: 'ws://127.0.0.1:9/u',
    ask: ({ WebSocket }) => {
      const socket = new WebSocket(new URL('ws://127.0.0.1:9/u'));
      socket.onerror = () => {};
      return socket.url;
    },
  },
  {
    name: 'relative URLs resolve against the document, scheme and all',
    inPage: true,
    expected: [true, true, true],
    ask: ({ WebSocket }) => {
      const { host } = location;
      return [
        new WebSocket('live').url === `ws://${host}/live`,
        new WebSocket('/x?y').url === `ws://${host}/x?y`,
        new WebSocket('//example.test/z').url === 'ws://example.test/z',
      ];
    },
  },
  {
    name: 'subprotocols that are no tokens, or come twice, are SyntaxErrors',
    expected: BAD_PROTOCOLS.map((protocols) => [protocols, 'SyntaxError']),
    ask: ({ WebSocket, thrown }) =>
      BAD_PROTOCOLS.map((protocols) => [
        protocols,
        thrown(() => new WebSocket('ws://127.0.0.1:9/', protocols as string)),
      ]),
  },
  {
    name: 'what is wrong with the URL is told before what is wrong with the subprotocols, and a conversion before both',
    expected: ['SyntaxError', 'TypeError', 'TypeError'],
    ask: ({ WebSocket, thrown }) => [
      thrown(() => new WebSocket('ws://127.0.0.1/#', 'a b')),
      thrown(() => new WebSocket(Symbol() as never)),
      thrown(() => {
        new WebSocket('ws://127.0.0.1/#', [Symbol()] as never).onerror = () => {};
      }),
    ],
  },
  {
    name: 'subprotocols are offered in order: an array, or any iterable; a null is text',
    expected: [['a', 'A', 'x-1.2'], ['s', 't'], ['null']],
    ask: async (run) => {
      const offered: unknown[] = [];
      for (const protocols of [['a', 'A', 'x-1.2'], new Set(['s', 't']), null]) {
        const first = [...(protocols ?? ['null'])][0];
        const once = run.again();
        const socket = once.dial(once.url(`/echo?choose=${first}`), protocols as string[]);
        await once.event(socket, 'open');
        socket.close();
        offered.push((await once.seen()).protocols);
      }
      return offered;
    },
  },
  {
    name: 'the subprotocol is the one that the server has chosen',
    expected: ['b', '', ['a', 'b']],
    ask: async (run) => {
      const socket = run.dial(run.url('/echo?choose=b'), ['a', 'b']);
      const before = socket.protocol;
      await run.event(socket, 'open');
      const { protocol } = socket;
      socket.close();
      const { protocols } = await run.seen();
      return [protocol, before, protocols];
    },
  },
  {
    name: 'a server that chooses none of those offered fails the connection',
    expected: [
      ['error', 'state 3'],
      ['close', 1006, '', false, 'state 3'],
    ],
    ask: async (run) => {
      await run.ended(run.open('/echo', ['a', 'b']));
    },
  },
  {
    name: 'a server that chooses another fails the connection',
    expected: [
      ['error', 'state 3'],
      ['close', 1006, '', false, 'state 3'],
    ],
    ask: async (run) => {
      await run.ended(run.open('/echo?choose=c', ['a', 'b']));
    },
  },
  {
    name: 'a server that chooses one though none was offered fails the connection',
    expected: [
      ['error', 'state 3'],
      ['close', 1006, '', false, 'state 3'],
    ],
    ask: async (run) => {
      await run.ended(run.open('/echo?choose=c'));
    },
  },
];
