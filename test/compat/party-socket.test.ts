/** The addresses of partysocket's `PartySocket` and of ours, side by side, and what ours does with updates. */
import { PartySocket as Theirs } from 'partysocket';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PartySocket, type PartySocketOptions } from '../../src/compat.js';
import { VirtualClock } from '../../src/testing.js';

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Dials nothing, and remembers where to. */
class FakeSocket extends EventTarget {
  static readonly CLOSING = 2;
  static urls: string[] = [];
  readyState = 0;
  binaryType = 'blob';
  constructor(url: string, ..._: unknown[]) {
    super();
    FakeSocket.urls.push(url);
  }
  close(): void {
    this.readyState = 3;
  }
}

type AnyParty = new (options: PartySocketOptions) => PartySocket;

/** Where a socket dials first. */
async function dialed(
  Class: AnyParty,
  options: PartySocketOptions,
  act = (_: PartySocket): void => {},
): Promise<string> {
  FakeSocket.urls = [];
  const socket = new Class({ id: 'me', WebSocket: FakeSocket, ...options });
  act(socket);
  await vi.waitFor(() => expect(FakeSocket.urls).toHaveLength(1));
  socket.close();
  return FakeSocket.urls[0] as string;
}

const addresses: PartySocketOptions[] = [
  { host: 'example.test', room: 'r' },
  { host: 'https://example.test/', room: 'r' },
  { host: 'ws://example.test', room: 'r', party: 'p' },
  { host: 'example.test:8787', room: 'r', party: 'p', path: 'a/b' },
  { host: 'example.test', room: 'r', prefix: 'other/one' },
  { host: 'example.test', basePath: 'own/path', party: 'p' },
  { host: 'example.test', room: 'r', basePath: 'own/path', path: 'x' },
  { host: 'example.test', room: 'r', protocol: 'ws' },
  { host: 'localhost:1999', room: 'r', protocol: 'wss' },
  { host: 'example.test', room: 'r', query: { a: '1', b: null, c: undefined, d: 'é & ü' } },
  { host: 'example.test', room: 'r', query: () => ({ token: 't' }) },
  { host: 'example.test', room: 'r', query: async () => ({ token: 't', none: null }) },
  ...[
    'localhost:1',
    'localhost',
    '127.0.0.1:1',
    '127.0.0.1',
    '192.168.1.2',
    '10.0.0.1:80',
    '172.16.0.1',
    '172.20.0.1',
    '172.31.9.9',
  ]
    .concat(['172.15.0.1', '172.32.0.1', '11.0.0.1', '[::ffff:7f00:1]:80', 'mylocalhost:1'])
    .map((host) => ({ host, room: 'r' })),
];

test.each(addresses)('%j is dialed where partysocket dials', async (options) => {
  const theirs = await dialed(Theirs as unknown as AnyParty, options);
  expect(await dialed(PartySocket, options)).toBe(
    theirs.replace(/^(wss?:\/\/[^/]+:80)(?=\/)/, (host) => new URL(host).href.slice(0, -1)),
  );
});

test.each(addresses)('%j is told as partysocket tells it', (options) => {
  const told = (Class: AnyParty) => {
    const { id, roomUrl, name, room, host, path, basePath, _pk, _pkurl, readyState } = new Class({
      id: 'me',
      ...options,
      startClosed: true,
    });
    return { id, roomUrl, name, room, host, path, basePath, _pk, _pkurl, readyState };
  };
  expect(told(PartySocket)).toEqual(told(Theirs as unknown as AnyParty));
});

test.each<[string, Partial<PartySocketOptions>]>([
  ['a path with a slash before it', { room: 'r', path: '/x' }],
  ['neither room nor basePath', {}],
])('%s is refused as by partysocket', (_title, options) => {
  const refusal = (Class: AnyParty): string => {
    try {
      new Class({ host: 'example.test', ...options });
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const [theirs, ours] = [refusal(Theirs as unknown as AnyParty), refusal(PartySocket)];
  expect(theirs).not.toBe('');
  expect(ours.slice(0, 20)).toBe(theirs.slice(0, 20));
});

test.each<[Partial<PartySocketOptions>, RegExp]>([
  [{ host: '', room: 'r' }, /^The host must be set before connecting/],
  [{ host: 'example.test' }, /^The room \(or basePath\) must be set before connecting/],
])('reconnect() with %j says what is missing, as partysocket does', (options, message) => {
  for (const Class of [Theirs as unknown as AnyParty, PartySocket]) {
    const socket = new Class({ startClosed: true, ...options } as PartySocketOptions);
    expect(() => socket.reconnect()).toThrow(message);
  }
});

test('a slash in a name is warned of once for each, unless that is switched off', () => {
  for (const Class of [Theirs as unknown as AnyParty, PartySocket]) {
    vi.mocked(console.warn).mockClear();
    new Class({ host: 'h', room: 'a/b', party: 'c/d', startClosed: true });
    new Class({ host: 'h', room: 'a/b', party: 'c/d', startClosed: true, disableNameValidation: true });
    expect(
      vi.mocked(console.warn).mock.calls.map(([text]) => /(\w+) name ".+" contains forward slash/.exec(text)?.[1]),
    ).toEqual(['party', 'room']);
  }
});

test('without an id it has one of its own, a UUID', () => {
  const make = (): string => new PartySocket({ host: 'h', room: 'r', startClosed: true }).id;
  expect(make()).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(make()).not.toBe(make());
});

describe('updateProperties()', () => {
  const changes: Partial<PartySocketOptions>[] = [
    { room: 'other' },
    { host: 'other.test' },
    { party: 'other' },
    { query: { b: '2' } },
    { basePath: 'own' },
    { room: 'other', party: 'one', query: { c: '3' } },
  ];
  test.each(changes)('with %j dials where partysocket then dials', async (change) => {
    const options = { host: 'example.test', room: 'r', query: { a: '1' }, startClosed: true, id: 'me' };
    const act = (socket: PartySocket): void => {
      socket.updateProperties(change);
      socket.reconnect();
    };
    const theirs = await dialed(Theirs as unknown as AnyParty, options, act);
    expect(await dialed(PartySocket, options, act)).toBe(theirs);
  });

  test('builds on the update before it, and keeps the id and the path', () => {
    const told = (Class: AnyParty): string[] => {
      const socket = new Class({ host: 'h', room: 'a', startClosed: true });
      const { id } = socket;
      socket.updateProperties({ query: { t: '2' }, party: 'p' });
      socket.updateProperties({ room: 'b' });
      return [socket.roomUrl, socket.id === id ? 'same id' : 'another id'];
    };
    expect(told(PartySocket)).toEqual(['wss://h/parties/p/b', 'same id']);
    expect(told(Theirs as unknown as AnyParty)).toEqual(['wss://h/parties/main/b', 'another id']);

    const withPath = (Class: AnyParty) => (): void =>
      new Class({ host: 'h', room: 'a', path: 'x', startClosed: true }).updateProperties({ room: 'b' });
    expect(withPath(PartySocket)).not.toThrow();
    expect(withPath(Theirs as unknown as AnyParty)).toThrow('path must not start with a slash');
  });

  test('takes the other options along', async () => {
    const clock = new VirtualClock();
    FakeSocket.urls = [];
    const socket = new PartySocket({ host: 'h', room: 'a', WebSocket: FakeSocket, clock, id: 'me' });
    const errors: string[] = [];
    socket.onerror = ({ message }) => errors.push(message);
    socket.updateProperties({ room: 'b', query: { t: '1' }, connectionTimeout: 100, maxRetries: 0 });
    socket.reconnect();
    await clock.advanceAsync(150);
    expect([errors, FakeSocket.urls]).toEqual([['TIMEOUT'], ['wss://h/parties/main/b?_pk=me&t=1']]);
    expect(socket.partySocketOptions).toMatchObject({ host: 'h', room: 'b', maxRetries: 0 });
  });

  test('that is refused changes nothing', () => {
    const socket = new PartySocket({ host: 'h', room: 'a', startClosed: true });
    expect(() => socket.updateProperties({ room: 'b', path: '/x' })).toThrow('path must not start with a slash');
    expect([socket.room, socket.roomUrl]).toEqual(['a', 'wss://h/parties/main/a']);
  });
});

test('fetch() asks the same room over HTTP as partysocket', async () => {
  for (const options of [
    { host: 'example.test', room: 'r' },
    { host: 'localhost:1', room: 'r', party: 'p', path: 'x', query: { a: '1' } },
    { host: 'example.test', room: 'r', protocol: 'http' as const, query: async () => ({ t: 'x' }) },
  ]) {
    const asked: unknown[][] = [];
    const fetch = ((...args: unknown[]) => {
      asked.push(args);
      return Promise.resolve(new Response('answer'));
    }) as typeof globalThis.fetch;
    const init = { method: 'POST' };
    await Theirs.fetch({ ...options, fetch }, init);
    expect(await (await PartySocket.fetch({ ...options, fetch }, init)).text()).toBe('answer');
    expect(asked).toHaveLength(2);
    expect(asked[1]).toEqual(asked[0]);
  }
});
