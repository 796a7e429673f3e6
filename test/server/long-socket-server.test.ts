/** Upgrades that never become connections: nothing here needs a network. */
import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { LongSocketServer } from '../../src/server/long-socket-server.js';
import type { LongSocketServerOptions } from '../../src/server/options.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { settle } from '../socket/simulated.js';

/** A connection whose upgrade is asked for, and what was answered. */
class Asking extends Duplex {
  answer = '';

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.answer += chunk.toString();
    done();
  }

  get status(): number | undefined {
    return this.answer === '' ? undefined : Number(this.answer.split(' ')[1]);
  }
}

const NO_HEAD = new Uint8Array();

const request = (url: string, headers: Record<string, string> = {}): object => ({
  method: 'GET',
  url,
  headers: { host: 'host', upgrade: 'websocket', 'sec-websocket-version': '13', ...headers },
});

/** Turns of the event loop, for streams to end. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await settle();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function serving(options: LongSocketServerOptions = {}) {
  const clock = new VirtualClock();
  const errors: unknown[] = [];
  const given = options.server ? {} : { noServer: true };
  const server = new LongSocketServer({ ...given, clock, ...options });
  server.on('error', (error) => errors.push(error));
  const ask = (url = '/', headers?: Record<string, string>): Asking => {
    const duplex = new Asking();
    server.handleUpgrade(request(url, headers), duplex, NO_HEAD);
    return duplex;
  };
  return { server, clock, errors, ask };
}

const hangs = { authenticate: () => new Promise<string>(() => {}) };

describe('authenticate', () => {
  test.each([
    ['nothing', () => undefined, 401],
    ['null', () => null, 401],
    ['an empty name', () => '', 401],
    ['nothing, later', async () => undefined, 401],
  ])('that gives %s is answered with %s', async (_, authenticate, status) => {
    const { ask, errors } = serving({ authenticate });
    const asking = ask();
    await turns();
    expect([asking.status, asking.destroyed, errors]).toEqual([status, true, []]);
  });

  test.each<[string, () => never]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database')) as never],
  ])('that %s is answered with 500, and told', async (_, authenticate) => {
    const { ask, errors, clock } = serving({ authenticate });
    const asking = ask();
    await turns();
    expect([asking.status, errors]).toMatchObject([500, [{ message: 'no database' }]]);
    expect(clock.timers).toBe(0);
  });

  test.each([true, false, 5, {}])('that gives %j, which is no name, is answered with 500, and told', async (what) => {
    const { ask, errors } = serving({ authenticate: () => what as never });
    const asking = ask();
    await turns();
    expect([asking.status, errors]).toMatchObject([500, [{ name: 'TypeError' }]]);
  });

  test('that hangs is not waited for longer than helloTimeout', async () => {
    const { ask, clock } = serving({ ...hangs, helloTimeout: 1000 });
    const asking = ask();
    await clock.advanceAsync(999);
    expect(asking.destroyed).toBe(false);
    await clock.advanceAsync(1);
    expect(asking.destroyed).toBe(true);
    await turns();
    expect(clock.timers).toBe(0);
  });

  test('whose connection dies meanwhile harms nobody, and leaves no timer', async () => {
    let answer: (name: string) => void = () => {};
    const { ask, clock, errors } = serving({
      authenticate: () =>
        new Promise<string>((resolve) => {
          answer = resolve;
        }),
    });
    const asking = ask();
    await settle();
    asking.destroy(new Error('ECONNRESET'));
    await turns();
    expect(clock.timers).toBe(0);
    answer('ann');
    await turns();
    expect([asking.answer, errors]).toEqual(['', []]);
  });

  test('whose refusal breaks harms nobody', async () => {
    const { ask } = serving({ authenticate: () => undefined });
    const asking = ask();
    await turns();
    expect(() => asking.emit('error', new Error('ECONNRESET'))).not.toThrow();
  });
});

describe('close()', () => {
  test('answers those whose upgrade is not decided yet, and leaves no timer', async () => {
    const { server, ask, clock } = serving(hangs);
    const asking = ask();
    await settle();
    await server.close();
    await turns();
    expect([asking.status, asking.destroyed, clock.timers]).toEqual([503, true, 0]);
  });

  test('turns away those whose upgrade is decided afterwards, and those who come later', async () => {
    const { server, ask } = serving({ authenticate: async () => 'ann' });
    const [early] = [ask()];
    const closed = server.close();
    const late = ask();
    await closed;
    await turns();
    expect([early.status, late.status]).toEqual([503, 503]);
    expect([...server.sockets]).toEqual([]);
  });

  test('twice is once', async () => {
    const { server } = serving();
    expect(server.close()).toBe(server.close());
    await server.close();
  });

  test('gives the HTTP server back', async () => {
    const http = new EventEmitter();
    const { server } = serving({ server: http });
    expect(http.listenerCount('upgrade')).toBe(1);
    await server.close();
    expect(http.listenerCount('upgrade')).toBe(0);
  });
});

describe('drain()', () => {
  test('turns those away who come now, and says when to try again', async () => {
    const { server, ask, clock } = serving();
    const drained = server.drain({ within: 1000 });
    const plain = ask();
    await turns();
    expect(plain.answer).toMatch(/^HTTP\/1\.1 503 .*Retry-After: 2\r\n/s);
    expect(server.stats().draining).toBe(true);
    await clock.advanceAsync(1000);
    await drained;
    expect(clock.timers).toBe(0);
  });

  test.each([
    [{ within: -1 }],
    [{ within: Number.NaN }],
    [{ within: Number.POSITIVE_INFINITY }],
    [{ rate: 0 }],
    [{ rate: Number.NaN }],
  ])('refuses %j', async (options) => {
    const { server } = serving();
    await expect(server.drain(options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(server.stats().draining).toBe(false);
  });
});

describe('path', () => {
  test('holds for handleUpgrade(), without the query', async () => {
    const { ask } = serving({ path: '/chat', authenticate: () => undefined });
    const asked = [ask('/'), ask('/chat/'), ask('/chat?a=b'), ask('/chat')];
    await turns();
    expect(asked.map(({ status }) => status)).toEqual([404, 404, 401, 401]);
  });

  /** Asks an HTTP server. */
  const upgrade = (http: EventEmitter, url: string): Asking => {
    const duplex = new Asking();
    http.emit('upgrade', request(url), duplex, NO_HEAD);
    return duplex;
  };

  test('that nobody knows is answered with 404, once, and a connection that breaks then harms nobody', async () => {
    const http = new EventEmitter();
    for (const path of ['/a', '/b', '/c']) serving({ server: http, path, authenticate: () => undefined });
    const asked = ['/', '/a', '/b', '/c', '/d'].map((url) => upgrade(http, url));
    await turns();
    expect(asked.map(({ status }) => status)).toEqual([404, 401, 401, 401, 404]);
    expect(asked[0]?.answer.match(/HTTP/g)).toHaveLength(1);
    expect(() => asked[0]?.emit('error', new Error('ECONNRESET'))).not.toThrow();
  });

  test('that another listener may know is left to it', async () => {
    const http = new EventEmitter();
    serving({ server: http, path: '/a', authenticate: () => undefined });
    http.on('upgrade', () => {});
    const asked = ['/a', '/b'].map((url) => upgrade(http, url));
    await turns();
    expect(asked.map(({ status }) => status)).toEqual([401, undefined]);
  });

  test('that was known is not any more when its server is closed', async () => {
    const http = new EventEmitter();
    const { server } = serving({ server: http, path: '/a' });
    serving({ server: http, path: '/b' });
    await server.close();
    const asked = upgrade(http, '/a');
    await turns();
    expect(asked.status).toBe(404);
  });
});

describe('origins', () => {
  const allowed = async (origins: LongSocketServerOptions['origins'], origin?: string): Promise<boolean> => {
    const { ask } = serving({ origins, authenticate: () => undefined });
    const asking = ask('/', origin === undefined ? {} : { origin });
    await turns();
    return asking.status === 401;
  };

  test('are those of the same host by default, whatever the scheme', async () => {
    expect(await allowed(undefined, 'https://host')).toBe(true);
    expect(await allowed(undefined, 'http://HOST')).toBe(true);
    for (const origin of [
      'https://other',
      'https://host.other',
      'https://host:8080',
      'null',
      '',
      'host.example/host',
    ]) {
      expect([origin, await allowed(undefined, origin)]).toEqual([origin, false]);
    }
  });

  test('may be a list, read without regard to case', async () => {
    const list = ['https://a.example', 'http://b.example:8080'];
    expect(await allowed(list, 'https://A.example')).toBe(true);
    expect(await allowed(list, 'http://b.example:8080')).toBe(true);
    for (const origin of ['http://a.example', 'https://a.example.evil', 'https://host', 'null']) {
      expect([origin, await allowed(list, origin)]).toEqual([origin, false]);
    }
    expect(await allowed([], 'https://host')).toBe(false);
  });

  test("may be all, with '*'", async () => {
    expect(await allowed('*', 'https://anywhere')).toBe(true);
  });

  test('may be decided by a function, which is told the request', async () => {
    const told: unknown[] = [];
    const decide = (origin: string, { url }: { readonly url?: string | undefined }): boolean => {
      told.push([origin, url]);
      return origin.endsWith('.example');
    };
    expect(await allowed(decide, 'https://a.example')).toBe(true);
    expect(await allowed(decide, 'https://a.evil')).toBe(false);
    expect(told).toEqual([
      ['https://a.example', '/'],
      ['https://a.evil', '/'],
    ]);
  });

  test('decided by a function that is async are waited for', async () => {
    const decide = async (origin: string): Promise<boolean> => origin === 'https://a.example';
    expect(await allowed(decide as never, 'https://a.example')).toBe(true);
    expect(await allowed(decide as never, 'https://evil')).toBe(false);
    expect(await allowed((() => 'yes') as never, 'https://evil')).toBe(false);
  });

  test('decided by a function that throws are refused with 500, and told', async () => {
    const { ask, errors } = serving({
      origins: () => {
        throw new Error('no list');
      },
    });
    const asking = ask('/', { origin: 'https://a.example' });
    await turns();
    expect([asking.status, errors]).toMatchObject([500, [{ message: 'no list' }]]);
  });

  test('do not matter to clients that send none', async () => {
    expect(await allowed([], undefined)).toBe(true);
  });

  test('are refused before anybody is asked who it is', async () => {
    let asked = 0;
    const { ask } = serving({
      authenticate: () => {
        asked++;
        return 'ann';
      },
    });
    const asking = ask('/', { origin: 'https://evil' });
    await turns();
    expect([asking.status, asked]).toEqual([403, 0]);
  });
});

test('broadcast() refuses what is no message', () => {
  const { server } = serving();
  for (const data of [undefined, null, 5, {}]) {
    expect(() => server.broadcast([], data as never)).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE' }));
  }
  expect(server.broadcast([], 'x')).toBe(0);
});

test('a server with nothing to do says so', () => {
  const { server, clock } = serving();
  expect(server.stats()).toEqual({
    sessions: 0,
    attached: 0,
    detached: 0,
    plain: 0,
    retainedBytes: 0,
    remembered: 0,
    draining: false,
  });
  expect([server.address(), clock.timers]).toEqual([undefined, 0]);
});
