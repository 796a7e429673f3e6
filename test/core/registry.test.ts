import { describe, expect, test } from 'vitest';
import { peerConfig } from './helpers/peer.js';
import { Reception, refusals, types } from './helpers/registry.js';

const gone = (id: number, why: string, more: object = {}): object => ({ id, why, code: 4904, ...more });
const busy = (id: number, retry: number): object => ({ id, why: 'busy', retry, code: 4908 });

/** One session, s1, of which connection 1 said HELLO. */
function withSession(...[overrides, visitor]: [ConstructorParameters<typeof Reception>[0]?, object?]): Reception {
  const reception = new Reception(overrides);
  reception.hello(visitor);
  return reception;
}

describe('who arrives', () => {
  test('has helloTimeout to say HELLO or RESUME', () => {
    const reception = new Reception({ helloTimeout: 15_000 });
    const [first, second] = [reception.arrives({}, 0), reception.arrives({}, 100)];
    expect(reception.registry.deadline).toBe(15_000);
    expect(reception.step({ type: 'timeout' }, 15_000)).toEqual([{ type: 'close', id: first, code: 4905 }]);
    expect(reception.registry.deadline).toBe(15_100);
    expect(reception.step({ type: 'timeout' }, 15_100)).toEqual([{ type: 'close', id: second, code: 4905 }]);
    expect(reception.registry.deadline).toBeUndefined();
    expect(reception.greets(first, { letter: 'H', v: 1, b: 1 })).toEqual([]);
  });

  test('and leaves is forgotten', () => {
    const reception = new Reception();
    const id = reception.arrives();
    expect(reception.step({ type: 'left', id })).toEqual([]);
    expect(reception.registry.deadline).toBeUndefined();
    expect(reception.greets(id, { letter: 'H', v: 1, b: 1 })).toEqual([]);
  });

  test.each([
    ['text', 'hello', 4905],
    ['bytes', new Uint8Array([0x10, 0x48]), 4905],
    ['escaped text', '\u0010\u0010H{"v":1,"b":1}', 4905],
    ['a frame of a later version', '\u0010h', 4905],
    ['another frame', '\u0010A0', 4903],
    ['TAKE', '\u0010T0,0,1', 4903],
    ['a malformed HELLO', '\u0010H{"v":1}', 4903],
    ['a malformed RESUME', '\u0010R{"v":1,"s":"s1","k":1,"n":1,"r":0,"c":0}', 4903],
    ['an endless RESUME', `\u0010R{"v":1,"s":"${'s'.repeat(2048)}","k":"","n":1,"r":0,"c":0}`, 4903],
    ['nonsense', '\u0010', 4903],
  ])('and says %s is closed', (_, data, code) => {
    const reception = new Reception();
    const id = reception.arrives();
    expect(reception.greets(id, data)).toEqual([{ type: 'close', id, code }]);
    expect(reception.greets(id, { letter: 'H', v: 1, b: 1 })).toEqual([]);
    expect(reception.registry).toMatchObject({ sessions: 0, deadline: undefined });
  });

  test('and speaks another version is told so', () => {
    for (const v of [0, 2, Number.MAX_SAFE_INTEGER]) {
      const reception = withSession();
      expect(refusals(reception.hello({}, { v }))).toEqual([gone(2, 'version')]);
      expect(refusals(reception.resume({}, { v, k: 'wrong', s: 'nobody' }))).toEqual([gone(3, 'version')]);
    }
  });
});

describe('HELLO', () => {
  test('begins a session, with an id, a key, and what was chosen in it', () => {
    const reception = new Reception();
    const [admitted] = reception.hello({ inner: 'chat', principal: 'ann' });
    expect(admitted).toMatchObject({ type: 'admit', id: 1, principal: 'ann' });
    expect(reception.peers.get('s1')).toMatchObject({ session: 's1', inner: 'chat' });
    expect(reception.registry).toMatchObject({ sessions: 1, attached: 1, deadline: undefined });
    expect(reception.registry.belongings('s1')).toMatchObject({ keyHash: '#k1', principal: 'ann' });
    expect(reception.registry.belongings('s2')).toBeUndefined();
  });

  test('is answered once: what the connection says then is its session’s', () => {
    const reception = withSession();
    expect(reception.greets(1, { letter: 'H', v: 1, b: 1 })).toEqual([]);
    expect(reception.registry.sessions).toBe(1);
  });

  test('finds no room where all sessions have their client', () => {
    const reception = new Reception({ maxSessions: 2 });
    reception.hello();
    reception.hello();
    expect(refusals(reception.hello())).toEqual([busy(3, 2000)]);
    expect(reception.registry.sessions).toBe(2);
  });

  test('finds no room where a session waits for its client, whoever asks', () => {
    const reception = new Reception({ maxSessions: 1 });
    reception.hello();
    reception.tell('s1', { type: 'message-received', id: 1, data: '\u0010A0' });
    reception.tell('s1', { type: 'connection-close', id: 1, code: 1006, reason: '', wasClean: false });
    expect(refusals(reception.hello())).toEqual([busy(2, 2000)]);
    expect(reception.peers.get('s1')?.state.status).toBe('connecting');
  });

  test('is room for the one whose orphan has waited longest', () => {
    const reception = new Reception({ maxSessions: 3 });
    for (let n = 0; n < 3; n++) reception.hello();
    for (const [session, now] of [
      ['s2', 100],
      ['s1', 200],
      ['s3', 300],
    ] as const) {
      reception.tell(
        session,
        { type: 'connection-close', id: Number(session.slice(1)), code: 1006, reason: '', wasClean: false },
        now,
      );
    }
    expect(types(reception.hello())).toEqual(['evict', 'admit']);
    expect([...reception.peers].filter(([, peer]) => peer.state.status === 'closed').map(([name]) => name)).toEqual([
      's2',
    ]);
    expect(reception.registry.sessions).toBe(3);
    reception.hello();
    expect(reception.peers.get('s1')?.state.status).toBe('closed');
    expect(reception.registry.sessions).toBe(3);
  });

  test('finds no room beside maxSessionsPerPrincipal of the same principal, and does not touch others', () => {
    const reception = new Reception({ maxSessionsPerPrincipal: 2 });
    reception.hello({ principal: 'bob' });
    reception.leaves('s1');
    reception.hello({ principal: 'ann' });
    reception.hello({ principal: 'ann' });
    expect(refusals(reception.hello({ principal: 'ann' }))).toEqual([busy(4, 2000)]);
    expect(types(reception.hello({ principal: 'bob' }))).toEqual(['admit']);
    expect(types(reception.hello())).toEqual(['admit']);
    reception.leaves('s3');
    expect(types(reception.hello({ principal: 'ann' }))).toEqual(['evict', 'admit']);
    expect(reception.peers.get('s3')?.state.status).toBe('closed');
    expect(reception.peers.get('s1')?.state.status).toBe('connecting');
  });

  test('finds the room again that a session has left', () => {
    const reception = new Reception({ maxSessionsPerPrincipal: 1 });
    for (let n = 1; n < 5; n++) {
      expect(types(reception.hello({ principal: 'ann' }))).toEqual(['admit']);
      reception.tell(`s${n}`, { type: 'evict', why: 'lost' });
    }
    expect(reception.registry).toMatchObject({ sessions: 0, tombs: 4 });
  });

  test('finds the room of one of several that are left', () => {
    const reception = new Reception({ maxSessionsPerPrincipal: 2 });
    reception.hello({ principal: 'ann' });
    reception.hello({ principal: 'ann' });
    reception.tell('s1', { type: 'evict', why: 'lost' });
    expect(types(reception.hello({ principal: 'ann' }))).toEqual(['admit']);
    expect(refusals(reception.hello({ principal: 'ann' }))).toMatchObject([{ why: 'busy' }]);
  });

  test('without a principal is limited by the number of all alone', () => {
    const reception = new Reception({ maxSessionsPerPrincipal: 1 });
    for (let n = 0; n < 5; n++) expect(types(reception.hello())).toEqual(['admit']);
  });
});

describe('RESUME', () => {
  test('is the session’s, with the right key and principal', () => {
    const reception = withSession({}, { principal: 'ann' });
    const effects = reception.resume({ principal: 'ann' }, { n: 3 });
    expect(effects).toEqual([
      { type: 'attach', id: 2, session: 's1', resume: { letter: 'R', v: 1, s: 's1', k: 'k1', n: 3, r: 0, c: 0 } },
    ]);
  });

  test('with a wrong key is refused, whoever it is, and the session never notices', () => {
    const reception = withSession({}, { principal: 'ann' });
    reception.tell('s1', { type: 'send', data: 'a' });
    const before = reception.peers.get('s1')?.snapshot();
    for (const k of ['', 'k', 'k2', 'k11', '#k1', 'k1 ']) {
      for (const principal of ['ann', 'bob']) {
        const effects = reception.resume({ principal }, { k });
        expect(refusals(effects)).toMatchObject([{ why: 'key', code: 4904 }]);
        expect(effects).toHaveLength(1);
      }
    }
    expect(reception.peers.get('s1')?.snapshot()).toEqual(before);
    expect(reception.peers.get('s1')?.state.status).toBe('connected');
  });

  test('of another principal is refused, so that fresh credentials may help', () => {
    const reception = withSession({}, { principal: 'ann' });
    expect(refusals(reception.resume({ principal: 'bob' }))).toEqual([gone(2, 'principal')]);
    expect(refusals(reception.resume())).toEqual([gone(3, 'principal')]);
    expect(types(reception.resume({ principal: 'ann' }))).toEqual(['attach']);
    expect(refusals(withSession().resume({ principal: 'ann' }))).toEqual([gone(2, 'principal')]);
  });

  test('comes at most every 200 ms', () => {
    const reception = withSession();
    expect(types(reception.resume({}, { n: 1 }, 1000))).toEqual(['attach']);
    expect(refusals(reception.resume({}, { n: 2 }, 1199))).toEqual([busy(3, 200)]);
    expect(types(reception.resume({}, { n: 3 }, 1200))).toEqual(['attach']);
  });

  test('that was refused does not count as one', () => {
    const reception = withSession({}, { principal: 'ann' });
    reception.resume({ principal: 'bob' });
    reception.resume({ principal: 'ann' }, { k: 'wrong' });
    expect(types(reception.resume({ principal: 'ann' }))).toEqual(['attach']);
  });

  test('of nobody is unknown, where there are no other servers to ask', () => {
    const reception = withSession();
    for (const s of ['', 's2', '__proto__', 'constructor']) {
      expect(refusals(reception.resume({}, { s }))).toMatchObject([{ why: 'unknown' }]);
    }
  });
});

describe('wrong keys', () => {
  const tries = (reception: Reception, count: number, source: string | undefined, now = 0): object[] =>
    Array.from({ length: count }, () => refusals(reception.resume({ source }, { k: 'wrong' }, now))).flat();

  test('get no answer for that session from that source for 60 s, after five', () => {
    const reception = withSession();
    expect(tries(reception, 5, 'office')).toMatchObject(Array(5).fill({ why: 'key' }));
    expect(tries(reception, 1, 'office', 59_999)).toMatchObject([{ why: 'busy', retry: 60_000, code: 4908 }]);
    expect(refusals(reception.resume({ source: 'office' }, {}, 59_999))).toMatchObject([{ why: 'busy' }]);
    expect(types(reception.resume({ source: 'office' }, {}, 60_000))).toEqual(['attach']);
  });

  test('are counted from each source and for each session alone', () => {
    const reception = withSession();
    reception.hello();
    tries(reception, 5, 'office');
    expect(types(reception.resume({ source: 'home' }))).toEqual(['attach']);
    expect(types(reception.resume({ source: 'office' }, { s: 's2', k: 'k2' }))).toEqual(['attach']);
  });

  test('are forgotten after 60 s', () => {
    const reception = withSession();
    tries(reception, 4, 'office', 0);
    expect(tries(reception, 5, 'office', 60_000)).toMatchObject(Array(5).fill({ why: 'key' }));
    expect(tries(reception, 1, 'office', 60_000)).toMatchObject([{ why: 'busy' }]);
  });

  test('are not counted without a source: many clients share an address', () => {
    const reception = withSession();
    expect(tries(reception, 20, undefined)).toMatchObject(Array(20).fill({ why: 'key' }));
    expect(types(reception.resume())).toEqual(['attach']);
  });

  test('for a session that is over count as well', () => {
    const reception = withSession();
    reception.tell('s1', { type: 'evict', why: 'lost' });
    expect(tries(reception, 6, 'office')).toMatchObject([...Array(5).fill({ why: 'key' }), { why: 'busy' }]);
  });
});

describe('a session that is over', () => {
  const evicted = (overrides = {}): Reception => {
    const reception = withSession(overrides, { principal: 'ann' });
    reception.tell('s1', { type: 'message-received', id: 1, data: 'a' });
    reception.tell('s1', { type: 'evict', why: 'evicted' }, 1000);
    return reception;
  };

  test('is remembered for 10 minutes: why, and what had arrived', () => {
    const reception = evicted();
    expect(reception.registry).toMatchObject({ sessions: 0, tombs: 1, deadline: 601_000 });
    expect(refusals(reception.resume({ principal: 'ann' }, {}, 600_999))).toEqual([gone(2, 'evicted', { r: 1 })]);
    expect(reception.step({ type: 'timeout' }, 601_000)).toEqual([]);
    expect(reception.registry).toMatchObject({ tombs: 0, deadline: undefined });
    expect(refusals(reception.resume({ principal: 'ann' }))).toEqual([gone(3, 'unknown')]);
  });

  test('is spoken of to who has the key alone', () => {
    expect(refusals(evicted().resume({}, { k: 'wrong' }))).toEqual([gone(2, 'key')]);
  });

  test('tells of the end that the application gave it', () => {
    const reception = withSession();
    reception.leaves('s1');
    reception.tell('s1', { type: 'close', code: 4001, reason: 'shop is closed' });
    reception.tell('s1', { type: 'timeout' }, 120_000);
    expect(refusals(reception.resume({}, {}, 120_000))).toEqual([
      { id: 2, why: 'closed', r: 0, c: 4001, m: 'shop is closed', code: 4904 },
    ]);
  });

  test('tells of its end by time, without code or reason', () => {
    const reception = withSession();
    reception.leaves('s1');
    reception.tell('s1', { type: 'timeout' }, 120_000);
    expect(refusals(reception.resume())).toEqual([gone(2, 'expired', { r: 0 })]);
  });

  test('is remembered even if another server could be asked', () => {
    const reception = evicted({ hasStore: true });
    expect(types(reception.resume({ principal: 'ann' }))).toEqual(['refuse']);
  });

  test('that has moved is not remembered: it may come back', () => {
    const reception = withSession({ hasStore: true });
    reception.releases('s1');
    expect(reception.registry).toMatchObject({ sessions: 0, tombs: 0 });
    expect(types(reception.resume())).toEqual(['claim']);
  });

  test('is remembered for at most 100000', () => {
    const reception = new Reception({ maxSessions: 2 });
    const { registry } = reception;
    const remains = { why: 'expired', received: 0, code: 1006, reason: '' } as const;
    for (let n = 1; n <= 100_001; n++) {
      registry.step({ type: 'arrived', id: n, inner: '', principal: undefined, source: undefined }, 0);
      registry.step({ type: 'greeting', id: n, data: '\u0010H{"v":1,"b":1}' }, 0);
      registry.step({ type: 'ended', session: `s${n}`, remains }, 0);
    }
    expect(registry.tombs).toBe(100_000);
    expect(refusals(reception.resume())).toMatchObject([{ why: 'unknown' }]);
    expect(refusals(reception.resume({}, { s: 's2', k: 'k2' }))).toMatchObject([{ why: 'expired' }]);
  });

  test('ends once: word of it that comes again, or of nobody, is ignored', () => {
    const reception = evicted();
    const remains = { why: 'lost', received: 9, code: 1006, reason: '' } as const;
    expect(reception.step({ type: 'ended', session: 's1', remains })).toEqual([]);
    expect(reception.step({ type: 'ended', session: 'nobody', remains })).toEqual([]);
    expect(reception.registry.tombs).toBe(1);
    expect(refusals(reception.resume())).toMatchObject([{ why: 'principal' }]);
    expect(refusals(reception.resume({ principal: 'ann' }))).toMatchObject([{ why: 'evicted' }]);
  });
});

describe('pressure', () => {
  /** s1 … s3 retain 100 bytes each, and are left by their clients in this order, unless they stay. */
  function retaining(...leave: readonly string[]): Reception {
    const reception = new Reception({ peer: peerConfig({ maxRetainedBytes: 150 }) });
    for (const session of ['s1', 's2', 's3']) {
      reception.hello();
      reception.tell(session, { type: 'send', data: 'x'.repeat(100) });
    }
    for (const [index, session] of leave.entries()) reception.leaves(session, index + 1);
    return reception;
  }

  test('evicts those whose clients have been away longest, until the rest fits', () => {
    const reception = retaining('s2', 's3', 's1');
    expect(reception.step({ type: 'pressure' })).toEqual([
      { type: 'evict', session: 's2' },
      { type: 'evict', session: 's3' },
    ]);
    expect(reception.registry.sessions).toBe(1);
    expect(reception.step({ type: 'pressure' })).toEqual([]);
  });

  test('evicts nobody whose client is there, or who retains nothing', () => {
    const reception = retaining('s2');
    reception.hello();
    reception.leaves('s4');
    expect(reception.step({ type: 'pressure' })).toEqual([{ type: 'evict', session: 's2' }]);
    expect(reception.step({ type: 'pressure' })).toEqual([]);
  });
});

describe('other servers', () => {
  /** Another server has s1, whose client says RESUME here on connection 1. */
  function asking(visitor: object = {}): { here: Reception; there: Reception } {
    const [here, there] = [new Reception({ hasStore: true }), withSession({ hasStore: true }, visitor)];
    return { here, there };
  }

  test('are asked for a session that is not here, by the hash of its key', () => {
    const { here } = asking();
    expect(here.resume({ principal: 'ann' }, { n: 7 })).toEqual([
      { type: 'claim', claim: { session: 's1', keyHash: '#k1', principal: 'ann', attempt: 7 } },
    ]);
    expect(here.registry).toMatchObject({ sessions: 0, deadline: undefined });
  });

  test('give it away only with its key, for its principal, and for a RESUME of now', () => {
    const { registry, ...there } = asking({ principal: 'ann' }).there;
    const claim = { session: 's1', keyHash: '#k1', principal: 'ann', attempt: 1 };
    expect(registry.mayRelease(claim)).toBe(true);
    expect(registry.mayRelease({ ...claim, session: 's2' })).toBe(false);
    expect(registry.mayRelease({ ...claim, keyHash: '#k2' })).toBe(false);
    expect(registry.mayRelease({ ...claim, principal: 'bob' })).toBe(false);
    expect(registry.mayRelease({ ...claim, principal: undefined })).toBe(false);
    expect(registry.mayRelease({ ...claim, attempt: 0 })).toBe(false);
    expect(there.peers.size).toBe(1);
  });

  test('do not give it away for a RESUME that a later one has superseded', () => {
    const { there } = asking();
    there.resume({}, { n: 3 });
    const claim = { session: 's1', keyHash: '#k1', principal: undefined, attempt: 3 };
    expect(there.registry.mayRelease(claim)).toBe(false);
    expect(there.registry.mayRelease({ ...claim, attempt: 4 })).toBe(true);
  });

  test('have it: it is restored, and the RESUME goes on', () => {
    const { here, there } = asking({ principal: 'ann' });
    there.tell('s1', { type: 'send', data: 'a' });
    const [claim] = here.resume({ principal: 'ann' }, { h: 1 });
    expect(claim?.type === 'claim' && there.registry.mayRelease(claim.claim)).toBe(true);
    const snapshot = there.releases('s1');
    const effects = here.step({ type: 'claimed', session: 's1', snapshot });
    expect(types(effects)).toEqual(['restore', 'attach']);
    expect(effects[0]).toMatchObject({ id: 1, principal: 'ann' });
    expect(here.registry).toMatchObject({ sessions: 1, attached: 1 });
    expect(here.peers.get('s1')).toMatchObject({ pending: 1, resumes: 1, state: { status: 'connected' } });
    expect(there.registry.sessions).toBe(0);
  });

  test('do not have it: it is unknown', () => {
    const { here } = asking();
    here.resume();
    expect(refusals(here.step({ type: 'claimed', session: 's1', snapshot: undefined }))).toEqual([gone(1, 'unknown')]);
  });

  test('cannot be asked: that is no loss, but a reason to try again', () => {
    const { here } = asking();
    here.resume();
    const effects = here.step({ type: 'claimed', session: 's1', snapshot: undefined, failed: true });
    expect(refusals(effects)).toEqual([busy(1, 2000)]);
  });

  test('are asked once at a time: the last RESUME gets the answer', () => {
    const { here, there } = asking();
    here.resume({}, { n: 1 });
    expect(refusals(here.resume({}, { n: 2 }))).toEqual([busy(1, 200)]);
    const effects = here.step({ type: 'claimed', session: 's1', snapshot: there.releases('s1') });
    expect(effects.at(-1)).toMatchObject({ type: 'attach', id: 2, resume: { n: 2 } });
  });

  test('answer when nobody waits any more: the session is here all the same, and waits for its client', () => {
    const { here, there } = asking();
    here.resume();
    here.step({ type: 'left', id: 1 });
    const effects = here.step({ type: 'claimed', session: 's1', snapshot: there.releases('s1') });
    expect(effects).toMatchObject([{ type: 'restore', id: undefined }]);
    expect(here.registry).toMatchObject({ sessions: 1, attached: 0 });
    expect(types(here.resume({}, { n: 2 }, 1000))).toEqual(['attach']);
  });

  test('answer the next RESUME of a client whose first connection ended meanwhile', () => {
    const { here, there } = asking();
    here.resume({}, { n: 1 });
    here.step({ type: 'left', id: 1 });
    expect(here.resume({}, { n: 2 })).toEqual([]);
    const effects = here.step({ type: 'claimed', session: 's1', snapshot: there.releases('s1') });
    expect(effects.at(-1)).toMatchObject({ type: 'attach', id: 2, resume: { n: 2 } });
  });

  test('do not have it, and nobody waits for that answer', () => {
    const { here } = asking();
    here.resume();
    here.step({ type: 'left', id: 1 });
    expect(here.step({ type: 'claimed', session: 's1', snapshot: undefined })).toEqual([]);
    expect(here.step({ type: 'claimed', session: 's1', snapshot: undefined })).toEqual([]);
    expect(types(here.resume())).toEqual(['claim']);
  });

  test('are asked again for one who waits behind a stranger’s question: that answer is not for him', () => {
    for (const stranger of [{ k: 'wrong' }, { principal: 'bob' }]) {
      const { here } = asking({ principal: 'ann' });
      here.resume({ principal: 'principal' in stranger ? 'bob' : 'ann' }, 'k' in stranger ? { k: 'wrong' } : {});
      here.resume({ principal: 'ann' }, { n: 2 });
      expect(here.step({ type: 'claimed', session: 's1', snapshot: undefined })).toEqual([
        { type: 'claim', claim: { session: 's1', keyHash: '#k1', principal: 'ann', attempt: 2 } },
      ]);
    }
  });

  test('have it, but the one who waits by now has no key: the session is here, and he is refused', () => {
    const { here, there } = asking();
    here.resume({}, { n: 1 });
    here.resume({}, { n: 9, k: 'wrong' });
    const effects = here.step({ type: 'claimed', session: 's1', snapshot: there.releases('s1') });
    expect(effects).toMatchObject([
      { type: 'restore', id: undefined },
      { type: 'refuse', id: 2, gone: { why: 'key' } },
    ]);
    expect(types(here.resume({}, { n: 2 }, 1000))).toEqual(['attach']);
  });

  test('are followed by a session that counts for its principal', () => {
    const here = new Reception({ hasStore: true, maxSessionsPerPrincipal: 1 });
    const { there } = asking({ principal: 'ann' });
    here.resume({ principal: 'ann' });
    here.step({ type: 'claimed', session: 's1', snapshot: there.releases('s1') });
    expect(refusals(here.hello({ principal: 'ann' }))).toMatchObject([{ why: 'busy' }]);
  });

  test('may give it back later', () => {
    const { here, there } = asking();
    here.resume();
    here.step({ type: 'claimed', session: 's1', snapshot: there.releases('s1') });
    expect(types(there.resume({}, { n: 2 }))).toEqual(['claim']);
    there.step({ type: 'claimed', session: 's1', snapshot: here.releases('s1') });
    expect(there.registry).toMatchObject({ sessions: 1, attached: 1 });
    expect(there.peers.get('s1')?.resumes).toBe(2);
  });
});

describe('draining', () => {
  const drain = { type: 'drain', within: 10_000, rate: 1 } as const;

  test('sends every client elsewhere, at the rate that was asked for', () => {
    const reception = new Reception();
    for (let n = 0; n < 3; n++) reception.hello();
    reception.leaves('s2');
    expect(reception.step(drain)).toEqual(
      ['s1', 's3'].map((session) => ({ type: 'go-away', session, deadline: 10_000, window: 2000, why: 'drain' })),
    );
    expect(refusals(reception.hello())).toMatchObject([{ why: 'busy' }]);
  });

  test('takes no longer than it may', () => {
    const reception = new Reception();
    for (let n = 0; n < 30; n++) reception.hello();
    expect(reception.step(drain)[0]).toMatchObject({ deadline: 10_000, window: 10_000 });
  });

  test('of nobody is nothing', () => {
    expect(new Reception().step({ ...drain, rate: 0 })).toEqual([]);
  });

  test('takes nobody new, and nobody back', () => {
    const reception = withSession({ hasStore: true });
    reception.tell('s1', { type: 'evict', why: 'lost' });
    reception.hello();
    reception.step(drain);
    expect(refusals(reception.hello())).toMatchObject([{ why: 'busy', retry: 2000 }]);
    expect(refusals(reception.resume({}, { s: 's2', k: 'k2' }))).toMatchObject([{ why: 'busy', retry: 2000 }]);
    expect(refusals(reception.resume({}, { s: 'elsewhere' }))).toMatchObject([{ why: 'busy', retry: 2000 }]);
    expect(refusals(reception.resume())).toMatchObject([{ why: 'lost' }]);
    expect(refusals(reception.resume({}, { s: 's2', k: 'wrong' }))).toMatchObject([{ why: 'key' }]);
  });
});

describe('the contract', () => {
  test('a timeout that comes early or twice is harmless', () => {
    const reception = new Reception();
    reception.arrives();
    expect(reception.step({ type: 'timeout' }, 14_999)).toEqual([]);
    expect(reception.registry.deadline).toBe(15_000);
    expect(reception.step({ type: 'timeout' }, 20_000)).toHaveLength(1);
    expect(reception.step({ type: 'timeout' }, 20_000)).toEqual([]);
  });

  test('what nobody has said, or about nobody, is nothing', () => {
    const reception = new Reception();
    expect(reception.greets(9, { letter: 'H', v: 1, b: 1 })).toEqual([]);
    expect(reception.step({ type: 'left', id: 9 })).toEqual([]);
    expect(reception.step({ type: 'pressure' })).toEqual([]);
    expect(reception.registry).toMatchObject({
      sessions: 0,
      attached: 0,
      tombs: 0,
      deadline: undefined,
    });
  });
});
