import { describe, expect, test } from 'vitest';
import type { DialContext } from '../../src/client/options.js';
import { simulated } from '../socket/simulated.js';

describe('providers', () => {
  test('are asked for each dial, and told which it is and why', async () => {
    const contexts: DialContext[] = [];
    const { clock, network, socket } = simulated({
      protocols: (context) => {
        contexts.push(context);
        return Promise.resolve('chat');
      },
    });
    await clock.advanceAsync(100);
    network.cut();
    await clock.advanceAsync(1000);
    socket.reconnect();
    await clock.advanceAsync(1000);
    expect(contexts.map(({ attempt, reason, cause }) => [attempt, reason, cause?.cause])).toEqual([
      [1, 'connect', undefined],
      [2, 'retry', 'lost'],
      [1, 'reconnect', undefined],
    ]);
    expect(network.dialed).toBe(3);
  });

  test('give the url, protocols and headers of the dial', async () => {
    const requests: unknown[] = [];
    const { clock } = simulated({
      protocols: async () => ['a', 'b'],
      headers: () => ({ authorization: 'token' }),
      node: { origin: 'http://x' },
      binaryType: 'uint8array',
      dial: (request) => {
        requests.push(request);
        throw new Error('enough');
      },
    });
    await clock.advanceAsync(0);
    expect(requests).toMatchObject([
      {
        id: 1,
        url: 'ws://host/',
        protocols: ['a', 'b'],
        headers: { authorization: 'token' },
        node: { origin: 'http://x' },
        binaryType: 'uint8array',
        clock,
      },
    ]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no token');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no token'))],
    ['gives what is no subprotocol', () => 5 as never],
  ])('one that %s is a failed attempt, and asked again', async (_, protocols) => {
    const { clock, details, network } = simulated({ protocols });
    await clock.advanceAsync(100);
    expect(details('error')).toMatchObject([{ code: 'PROVIDER_FAILED', ending: { phase: 'dial', cause: 'provider' } }]);
    await clock.advanceAsync(400);
    expect(details('error')).toHaveLength(2);
    expect(network.dialed).toBe(0);
  });

  test('one that hangs is given up at connectTimeout, by its signal', async () => {
    const signals: AbortSignal[] = [];
    const { clock, details, network } = simulated({
      headers: ({ signal }) => {
        signals.push(signal);
        return signals.length === 1 ? new Promise(() => {}) : {};
      },
    });
    await clock.advanceAsync(9999);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advanceAsync(1);
    expect(signals[0]?.aborted).toBe(true);
    expect(details('error')).toMatchObject([{ code: 'CONNECT_TIMEOUT' }]);
    await clock.advanceAsync(1000);
    expect(network.dialed).toBe(1);
  });

  test('one that answers too late dials nothing', async () => {
    let answer: (protocol: string) => void = () => {};
    const { clock, network, socket } = simulated({
      protocols: () =>
        new Promise<string>((resolve) => {
          answer = resolve;
        }),
    });
    await clock.advanceAsync(0);
    socket.close();
    answer('late');
    await clock.advanceAsync(100);
    expect(network.dialed).toBe(0);
    expect(socket.state.status).toBe('closed');
  });

  test('reconnect() while one works aborts it, and asks anew', async () => {
    const contexts: DialContext[] = [];
    const answers: ((protocol: string) => void)[] = [];
    const { clock, network, socket } = simulated({
      protocols: (context) => {
        contexts.push(context);
        return new Promise((resolve) => answers.push(resolve));
      },
    });
    await clock.advanceAsync(0);
    socket.reconnect();
    await clock.advanceAsync(0);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    for (const answer of answers) answer('chat');
    await clock.advanceAsync(100);
    expect([network.dialed, network.open]).toEqual([1, 1]);
  });
});

describe('what a provider may give', () => {
  test.each([
    ['a Headers', new Headers({ authorization: 'token' })],
    ['a Map', new Map([['authorization', 'token']])],
    ['an object', { authorization: 'token' }],
  ])('headers as %s reach the dial', (_, headers) => {
    const seen: unknown[] = [];
    simulated({
      headers,
      dial: (request) => {
        seen.push(request.headers);
        throw new Error('enough');
      },
    });
    expect(seen).toEqual([{ authorization: 'token' }]);
  });

  test.each(['text', 5, [['a', 'b']]])('headers that are %o are a failed attempt', async (given) => {
    const { clock, network, details } = simulated({ headers: (() => given) as never });
    await clock.advanceAsync(0);
    expect(details('error')).toMatchObject([{ code: 'PROVIDER_FAILED', cause: { code: 'INVALID_OPTION' } }]);
    expect(network.dialed).toBe(0);
  });

  test('a failed provider aborts the others, which need not go on', async () => {
    const signals: { readonly aborted: boolean }[] = [];
    const { clock } = simulated({
      protocols: () => Promise.reject(new Error('no')),
      headers: ({ signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      },
    });
    await clock.advanceAsync(0);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});
