import { describe, expect, test } from 'vitest';
import type { Data } from '../../src/core/types.js';
import { respond } from '../../src/socket/respond.js';
import { simulated } from './simulated.js';

type Handler = (message: Data) => unknown;

async function answering(handler: Handler, options: { reportErrors?: boolean } = {}) {
  const given = simulated();
  const errors: unknown[] = [];
  const stop = respond(given.socket, handler as never, { onError: (error) => errors.push(error), ...options });
  await given.clock.advanceAsync(100);
  const ask = async (...messages: Data[]): Promise<void> => {
    for (const message of messages) given.server().send(message);
    await given.clock.advanceAsync(100);
  };
  return { ...given, errors, stop, ask };
}

describe('respond', () => {
  test('sends back what the handler returns, or what its promise resolves with', async () => {
    const { ask, received } = await answering((message) =>
      message === 'b' ? Promise.resolve('later') : `re: ${message}`,
    );
    await ask('a', 'b');
    expect(received).toEqual(['re: a', 'later']);
  });

  test('answers nothing where the handler returns undefined, and empty text where it says so', async () => {
    const { ask, received } = await answering((message) => (message === 'quiet' ? undefined : ''));
    await ask('quiet', 'x');
    expect(received).toEqual(['']);
  });

  test('handles one message at a time, in order', async () => {
    const log: string[] = [];
    const { ask, received } = await answering(async (message) => {
      log.push(`begin ${message}`);
      for (let turn = 0; turn < (message === 'slow' ? 5 : 1); turn++) await Promise.resolve();
      log.push(`end ${message}`);
      return message;
    });
    await ask('slow', 'fast');
    expect(log).toEqual(['begin slow', 'end slow', 'begin fast', 'end fast']);
    expect(received).toEqual(['slow', 'fast']);
  });

  test('survives what the handler throws, and tells the peer nothing of it', async () => {
    const { ask, received, errors } = await answering((message) => {
      if (message === 'bad') throw new Error('secret');
      return 'ok';
    });
    await ask('bad', 'good');
    expect(received).toEqual(['ok']);
    expect(errors).toMatchObject([{ message: 'secret' }]);
  });

  test('survives a reply that is no message', async () => {
    const { ask, received, errors } = await answering((message) => (message === 'bad' ? { a: 1 } : 'ok'));
    await ask('bad', 'good');
    expect(received).toEqual(['ok']);
    expect(errors).toMatchObject([{ code: 'INVALID_MESSAGE' }]);
  });

  test('stops when told to, and when the socket closes', async () => {
    let handled = 0;
    const stopped = await answering(() => void handled++);
    stopped.stop();
    await stopped.ask('x');
    expect(handled).toBe(0);
    const closed = await answering(() => void handled++);
    closed.socket.close();
    await closed.clock.advanceAsync(10_000);
    expect(handled).toBe(0);
    expect(closed.errors).toEqual([]);
  });

  test('drops a reply that comes when the socket is closed', async () => {
    let finish: (reply: string) => void = () => {};
    const { ask, socket, clock, errors } = await answering(() => new Promise<string>((resolve) => (finish = resolve)));
    await ask('x');
    socket.close();
    await clock.advanceAsync(10_000);
    finish('too late');
    await clock.advanceAsync(100);
    expect(errors).toEqual([]);
  });
});

describe('with reportErrors', () => {
  const failing = (message: Data): string => {
    if (message === 'good') return 'ok';
    throw message === 'text' ? 'thrown text' : new Error(`failed on ${message}`);
  };

  test('the peer gets an error’s message as text', async () => {
    const { ask, received, errors } = await answering(failing, { reportErrors: true });
    await ask('bad', 'text');
    expect(received).toEqual(['failed on bad', 'thrown text']);
    expect(errors).toHaveLength(2);
  });

  test('reports cease after three in a row, until the next success', async () => {
    const { ask, received, errors } = await answering(failing, { reportErrors: true });
    await ask('1', '2', '3', '4', '5');
    expect(received).toEqual(['failed on 1', 'failed on 2', 'failed on 3']);
    expect(errors).toHaveLength(5);
    await ask('good', '6');
    expect(received.slice(3)).toEqual(['ok', 'failed on 6']);
  });

  test('two ends that fail on each other’s reports come to rest', async () => {
    const { server, received, clock } = await answering(failing, { reportErrors: true });
    server().onmessage = (data) => {
      received.push(data);
      server().send(`server failed on ${data}`);
    };
    server().send('begin');
    await clock.advanceAsync(60_000);
    expect(received).toHaveLength(3);
  });
});
