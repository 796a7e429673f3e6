import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { platformSignals, type Signal } from '../../src/io/signals.js';

/** An event target as small as what is used of one. */
class FakeTarget {
  readonly listeners: { type: string; listener: (event: object) => void }[] = [];
  visibilityState = 'visible';

  readonly addEventListener = (type: string, listener: (event: object) => void): void => {
    this.listeners.push({ type, listener });
  };

  readonly removeEventListener = (type: string, listener: (event: object) => void): void => {
    const index = this.listeners.findIndex((known) => known.type === type && known.listener === listener);
    if (index >= 0) this.listeners.splice(index, 1);
  };

  fires(type: string, event: object = {}): void {
    for (const known of this.listeners.filter((each) => each.type === type)) known.listener(event);
  }
}

let page: FakeTarget;
let document: FakeTarget;
let network: FakeTarget;

beforeEach(() => {
  [page, document, network] = [new FakeTarget(), new FakeTarget(), new FakeTarget()];
  vi.stubGlobal('addEventListener', page.addEventListener);
  vi.stubGlobal('removeEventListener', page.removeEventListener);
  vi.stubGlobal('document', document);
  vi.stubGlobal('navigator', { connection: network });
});
afterEach(() => vi.unstubAllGlobals());

function watch(): { signals: Signal[]; stop: () => void } {
  const signals: Signal[] = [];
  return { signals, stop: platformSignals((signal) => signals.push(signal)) };
}

describe('what the page says', () => {
  test.each([
    ['online', () => page.fires('online'), 'online'],
    ['offline', () => page.fires('offline'), 'offline'],
    ['a return from the back/forward cache', () => page.fires('pageshow', { persisted: true }), 'wake'],
    ['pagehide', () => page.fires('pagehide', { persisted: true }), 'freeze'],
    ['freeze', () => document.fires('freeze'), 'freeze'],
    ['resume', () => document.fires('resume'), 'wake'],
    ['becoming visible', () => document.fires('visibilitychange'), 'wake'],
    ['another network', () => network.fires('change'), 'online'],
  ] as const)('%s', (_, happen, signal) => {
    const { signals } = watch();
    happen();
    expect(signals).toEqual([signal]);
  });

  test('the first pageshow of a page is no return, and becoming hidden is nothing', () => {
    const { signals } = watch();
    page.fires('pageshow', { persisted: false });
    document.visibilityState = 'hidden';
    document.fires('visibilitychange');
    expect(signals).toEqual([]);
  });

  test('nothing is heard after stopping, and nothing is left behind', () => {
    const { signals, stop } = watch();
    stop();
    for (const target of [page, document, network]) expect(target.listeners).toEqual([]);
    page.fires('online');
    expect(signals).toEqual([]);
  });

  test('two sockets stop independently', () => {
    const [one, other] = [watch(), watch()];
    one.stop();
    page.fires('offline');
    expect([one.signals, other.signals]).toEqual([[], ['offline']]);
  });
});

test('in a worker there is no document, and in Node nothing at all', () => {
  vi.stubGlobal('document', undefined);
  vi.stubGlobal('navigator', undefined);
  const { signals, stop } = watch();
  page.fires('online');
  expect(signals).toEqual(['online']);
  stop();
  vi.unstubAllGlobals();
  expect(() => watch().stop()).not.toThrow();
});
