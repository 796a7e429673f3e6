/** When the three dial, under the fake timers that tests of applications use. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type AnySocket, type Library, libraries, type SharedOptions } from './libraries.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Opens after 5 ms, or fails. */
class FakeSocket extends EventTarget {
  static readonly CLOSING = 2;
  static opens = false;
  static dials: number[] = [];
  static last: FakeSocket;
  readyState = 0;
  binaryType = 'blob';
  readonly url = 'ws://host/';
  readonly protocol = '';
  readonly extensions = '';
  readonly bufferedAmount = 0;

  constructor() {
    super();
    FakeSocket.dials.push(Date.now());
    FakeSocket.last = this;
    const { opens } = FakeSocket;
    setTimeout(() => {
      if (this.readyState !== 0) return;
      this.readyState = opens ? 1 : 3;
      this.dispatchEvent(new Event(opens ? 'open' : 'error'));
      if (!opens) this.end();
    }, 5);
  }

  send(): void {}

  close(): void {
    this.readyState = 3;
  }

  end(): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code: 1006, reason: '', wasClean: false }));
  }
}

type Steps = (socket: AnySocket) => Promise<unknown>;

/** When a library dials, in ms from the beginning, and what retryCount is behind each step. */
async function dialsOf(library: Library, options: SharedOptions, steps: Steps): Promise<unknown> {
  FakeSocket.dials = [];
  FakeSocket.opens = false;
  const begun = Date.now();
  const socket = new libraries[library]('ws://host/', undefined, { ...options, WebSocket: FakeSocket });
  const result = await steps(socket);
  socket.close();
  return [result, FakeSocket.dials.map((at) => at - begun)];
}

const wait = async (ms: number): Promise<true> => {
  await vi.advanceTimersByTimeAsync(ms);
  return true;
};

const cases: [string, SharedOptions, Steps][] = [
  ['min and max given', { minReconnectionDelay: 1000, maxReconnectionDelay: 3000 }, () => wait(20_000)],
  ['max below min', { minReconnectionDelay: 1000, maxReconnectionDelay: 200 }, () => wait(2000)],
  ['growth given', { minReconnectionDelay: 10, reconnectionDelayGrowFactor: 3 }, () => wait(30_000)],
  ['no growth', { minReconnectionDelay: 250, reconnectionDelayGrowFactor: 1 }, () => wait(2000)],
  ['no wait at all', { minReconnectionDelay: 0 }, () => wait(50)],
  [
    'maxRetries',
    { minReconnectionDelay: 10, maxRetries: 4 },
    async (socket) => (await wait(5000)) && socket.retryCount,
  ],
  [
    'connections that hold for less than minUptime, and for more',
    { minReconnectionDelay: 100, minUptime: 1000 },
    async (socket) => {
      const counts: number[] = [];
      FakeSocket.opens = true;
      for (const held of [100, 100, 995, 1100, 100]) {
        await wait(5 + held);
        counts.push(socket.retryCount);
        FakeSocket.last.end();
        counts.push(socket.retryCount);
        for (let ms = 0; ms < 1000 && FakeSocket.last.readyState !== 0; ms++) await wait(1);
      }
      return counts;
    },
  ],
  [
    'connectionTimeout',
    { connectionTimeout: 3, minReconnectionDelay: 100, maxRetries: 2 },
    async (socket) => (await wait(5000)) && socket.retryCount,
  ],
];

test.each(cases)('%s: all three dial at the same moments', async (_title, options, steps) => {
  const ours = await dialsOf('longsocket', options, steps);
  expect((ours as [unknown, number[]])[1].length).toBeGreaterThan(2);
  expect(await dialsOf('partysocket', options, steps)).toEqual(ours);
  expect(await dialsOf('reconnecting-websocket', options, steps)).toEqual(ours);
  expect(vi.getTimerCount()).toBeLessThan(3);
});
