import { describe, expect, test, vi } from 'vitest';
import type { WebSocketOptions } from '../../src/websocket/options.js';
import { WebSocket } from '../../src/websocket/web-socket.js';
import { connected } from './facade.js';

const create = (options: unknown) => () => new WebSocket('ws://host', [], options as WebSocketOptions);
const invalid = (message: RegExp): unknown =>
  expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) });

describe('options', () => {
  test.each([
    ['a name there is not', { sesion: true }, /unknown option `sesion`; there are: session/],
    ['what is the facade’s', { reconnect: true }, /unknown option `reconnect`/],
    ['what the attribute is for', { binaryType: 'arraybuffer' }, /unknown option `binaryType`/],
    ['a redial without a session', { maxAttempts: 3 }, /`maxAttempts` needs `session: true`/],
    ['a rotation without a session', { maxConnectionAge: 1000 }, /`maxConnectionAge` needs `session: true`/],
    ['a fixed url', { url: 'ws://other' }, /`url` must be a function/],
    ['fixed protocols', { protocols: ['a'] }, /`protocols` must be a function/],
    ['a wrong value', { connectTimeout: -1 }, /`connectTimeout` must be a number/],
    ['a wrong value of a wrong type', { session: 'yes' }, /`session` must be a boolean/],
    ['a greeting with a session', { session: true, onConnect: () => {} }, /`onConnect` cannot be used with `session`/],
    ['too much with a session', { session: true, maxBufferedBytes: 2 ** 25 }, /`maxBufferedBytes` must be at most/],
    ['null', null, /options must be an object/],
  ])('refuse %s, and say so', (_what, options, message) => {
    expect(create(options)).toThrow(invalid(message));
  });

  test('that are undefined are as good as none', () => {
    const dial = vi.fn(() => ({}) as never);
    expect(create({ dial, maxAttempts: undefined, url: undefined, session: undefined })).not.toThrow();
  });

  test('are looked at behind the arguments that the standard knows', () => {
    expect(() => new WebSocket('no url', [], { sesion: true } as object)).toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    );
  });

  test('protocols that a provider gives are offered', async () => {
    const { clock, socket, servers } = connected({ protocols: async () => ['fresh'] });
    await clock.advanceAsync(100);
    expect([socket.readyState, socket.protocol, servers[0]?.protocols]).toEqual([1, 'fresh', ['fresh']]);
  });

  test('onConnect is done before open', async () => {
    const done: string[] = [];
    const { clock, socket, entries } = connected({
      onConnect: async ({ send }: { send(data: string): void }) => {
        send('token');
        done.push('greeted');
      },
    });
    socket.onopen = () => done.push('open');
    await clock.advanceAsync(100);
    expect([done, entries]).toEqual([['greeted', 'open'], ['open']]);
  });
});
