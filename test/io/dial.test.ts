import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DialRequest, WebSocketConstructor } from '../../src/io/connection.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { FakeWebSocket } from './helpers/fake-web-socket.js';

class OfIsomorphicWs extends FakeWebSocket {}
class OfThePlatform extends FakeWebSocket {}

beforeEach(() => FakeWebSocket.reset());
afterEach(() => {
  vi.doUnmock('isomorphic-ws');
  vi.resetModules();
  vi.unstubAllGlobals();
});

/** Dials once, where `isomorphic-ws` resolves to `namespace`; the instance it made. */
async function dialWith(namespace: object, WebSocket?: WebSocketConstructor): Promise<FakeWebSocket> {
  vi.resetModules();
  vi.doMock('isomorphic-ws', () => namespace);
  const { dial } = await import('../../src/io/dial.js');
  const request: DialRequest = {
    id: 1,
    url: 'ws://host/',
    protocols: [],
    binaryType: 'arraybuffer',
    clock: new VirtualClock(),
    WebSocket,
  };
  // Replaced after the import: it counts at dial time.
  vi.stubGlobal('WebSocket', OfThePlatform);
  dial(request, () => {});
  return FakeWebSocket.last;
}

describe('the constructor', () => {
  test('is the option’s before all others', async () => {
    expect(await dialWith({ default: OfIsomorphicWs }, FakeWebSocket)).not.toBeInstanceOf(OfIsomorphicWs);
  });

  test.each([
    ['an ES module', { default: OfIsomorphicWs }],
    ['a CommonJS module in a namespace', { default: { default: OfIsomorphicWs } }],
  ])('is that of isomorphic-ws, be it %s', async (_, namespace) => {
    expect(await dialWith(namespace)).toBeInstanceOf(OfIsomorphicWs);
  });

  test.each([
    ['nothing', { default: undefined }],
    ['an empty namespace', { default: {} }],
  ])('is the global one where isomorphic-ws has %s', async (_, namespace) => {
    expect(await dialWith(namespace)).toBeInstanceOf(OfThePlatform);
  });

  test('of the platform is taken for what it is, though it can ping: as in Bun, where it is no event emitter', async () => {
    class OfBun extends FakeWebSocket {
      ping(): void {}
    }
    const socket = await dialWith({ default: OfIsomorphicWs }, OfBun);
    expect([socket instanceof OfBun, typeof socket.onmessage]).toEqual([true, 'function']);
  });

  test('that is nowhere is said to be missing', async () => {
    vi.resetModules();
    vi.doMock('isomorphic-ws', () => ({ default: undefined }));
    const { dial } = await import('../../src/io/dial.js');
    vi.stubGlobal('WebSocket', undefined);
    expect(() => dial({} as DialRequest, () => {})).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });
});
