import { describe, expect, test } from 'vitest';
import type { Claim, SessionSnapshot } from '../../src/core/registry.js';
import { memoryStore, type SessionOwner } from '../../src/server/store.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

const snapshot = (session = 's', resumes = 1): SessionSnapshot => ({
  session,
  keyHash: 'hash',
  principal: 'ann',
  peer: {
    inner: '',
    resumes,
    clientRetains: 1,
    delivery: { acked: 0, retained: [], consumed: 0, fin: false, peerFin: undefined, handed: 0 },
  } as unknown as SessionSnapshot['peer'],
});
const claim: Claim = { session: 's', keyHash: 'hash', principal: 'ann', attempt: 2 };

/** A server that has these sessions, and gives each of them away once. */
function owner(...sessions: string[]): SessionOwner & { asked: Claim[] } {
  const has = new Set(sessions);
  const asked: Claim[] = [];
  return {
    asked,
    async release(request) {
      asked.push(request);
      return has.delete(request.session) ? snapshot(request.session) : undefined;
    },
  };
}

function stored() {
  const clock = new VirtualClock();
  return { clock, store: memoryStore({ clock }) };
}

describe('a claim', () => {
  test('finds the session at the server that has it', async () => {
    const { store } = stored();
    const [without, having] = [owner('other'), owner('s')];
    store.join(without);
    store.join(having);
    expect(await store.claim(claim)).toEqual(snapshot());
    expect(having.asked).toEqual([claim]);
    expect(await store.claim(claim)).toBeUndefined();
  });

  test('asks nobody who has left', async () => {
    const { store } = stored();
    const gone = owner('s');
    const leave = store.join(gone);
    leave();
    leave();
    expect(await store.claim(claim)).toBeUndefined();
    expect(gone.asked).toEqual([]);
  });

  test('asks nobody else when it has found what it asks for', async () => {
    const { store } = stored();
    const [first, second] = [owner('s'), owner('s')];
    store.join(first);
    store.join(second);
    await store.claim(claim);
    expect(second.asked).toEqual([]);
  });

  test('of nobody finds nothing', async () => {
    expect(await stored().store.claim(claim)).toBeUndefined();
  });

  test('finds what is deposited while the servers are asked', async () => {
    const { store } = stored();
    store.join({
      async release() {
        await store.deposit(snapshot());
        return undefined;
      },
    });
    expect(await store.claim(claim)).toEqual(snapshot());
  });
});

describe('a deposit', () => {
  test('waits for its claim, and is given once', async () => {
    const { store } = stored();
    await store.deposit(snapshot());
    expect(await store.claim(claim)).toEqual(snapshot());
    expect(await store.claim(claim)).toBeUndefined();
  });

  test.each([
    ['another key', { keyHash: 'other' }],
    ['another principal', { principal: 'bob' }],
    ['no principal', { principal: undefined }],
    ['another session', { session: 't' }],
    ['an attempt of the past', { attempt: 1 }],
  ])('is not given to a claim with %s, and stays for the right one', async (_, wrong) => {
    const { store } = stored();
    await store.deposit(snapshot());
    expect(await store.claim({ ...claim, ...wrong })).toBeUndefined();
    expect(await store.claim(claim)).toEqual(snapshot());
  });

  test('is kept for two minutes', async () => {
    const { store, clock } = stored();
    await store.deposit(snapshot('s'));
    clock.advance(1000);
    await store.deposit(snapshot('t'));
    clock.advance(118_999);
    expect(await store.claim(claim)).toEqual(snapshot());
    await store.deposit(snapshot('s'));
    clock.advance(1001);
    expect(await store.claim({ ...claim, session: 't' })).toBeUndefined();
    expect(await store.claim(claim)).toEqual(snapshot('s'));
  });

  test('of a session that is there already replaces it, and is kept from then on', async () => {
    const { store, clock } = stored();
    await store.deposit(snapshot('s', 1));
    clock.advance(100_000);
    await store.deposit(snapshot('s', 2));
    clock.advance(100_000);
    expect(await store.claim(claim)).toBeUndefined();
    expect(await store.claim({ ...claim, attempt: 3 })).toEqual(snapshot('s', 2));
  });

  test('that is replaced does not keep those that came behind it', async () => {
    const { store, clock } = stored();
    await store.deposit(snapshot('s', 1));
    await store.deposit(snapshot('t'));
    clock.advance(100_000);
    await store.deposit(snapshot('s', 2));
    clock.advance(20_000);
    expect(await store.claim({ ...claim, session: 't' })).toBeUndefined();
  });

  test('sets no timer', async () => {
    const { store, clock } = stored();
    await store.deposit(snapshot());
    expect(clock.timers).toBe(0);
  });
});
