import { afterEach, describe, expect, test, vi } from 'vitest';
import { isolate, Listeners, reportListenerError } from '../../src/socket/listeners.js';

interface Events {
  ping: number;
  pong: string;
}

function listeners() {
  const reported: unknown[] = [];
  return { events: new Listeners<Events>((error) => reported.push(error)), reported };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

describe('on', () => {
  test('calls in the order of adding, each time, for its event alone', () => {
    const { events } = listeners();
    const heard: unknown[] = [];
    events.on('ping', (value) => heard.push(['a', value]));
    events.on('ping', (value) => heard.push(['b', value]));
    events.on('pong', (value) => heard.push(['c', value]));
    events.emit('ping', 1);
    events.emit('ping', 2);
    expect(heard).toEqual([
      ['a', 1],
      ['b', 1],
      ['a', 2],
      ['b', 2],
    ]);
  });

  test('returns off, which may be called twice, and leaves the same listener’s other registration', () => {
    const { events } = listeners();
    const listener = vi.fn();
    const stop = events.on('ping', listener);
    events.on('ping', listener);
    stop();
    stop();
    events.emit('ping', 1);
    expect(listener).toHaveBeenCalledTimes(1);
  });
});

describe('off', () => {
  test('removes a listener however often it was added, and no other', () => {
    const { events } = listeners();
    const [listener, other] = [vi.fn(), vi.fn()];
    events.on('ping', listener);
    events.on('ping', listener);
    events.on('ping', other);
    events.on('pong', listener);
    events.off('ping', listener);
    events.off('ping', () => {});
    events.emit('ping', 1);
    events.emit('pong', 'x');
    expect(listener.mock.calls).toEqual([['x']]);
    expect(other).toHaveBeenCalledTimes(1);
  });

  test('removes what was added by once as well', () => {
    const { events } = listeners();
    const listener = vi.fn();
    events.once('ping', listener);
    events.off('ping', listener);
    events.emit('ping', 1);
    expect(listener).not.toHaveBeenCalled();
  });
});

describe('once', () => {
  test('is for the next event alone, even if that is emitted again meanwhile', () => {
    const { events } = listeners();
    const heard: number[] = [];
    events.once('ping', (value) => {
      heard.push(value);
      events.emit('ping', value + 1);
    });
    events.emit('ping', 1);
    expect(heard).toEqual([1]);
  });

  test('can be stopped before', () => {
    const { events } = listeners();
    const listener = vi.fn();
    events.once('ping', listener)();
    events.emit('ping', 1);
    expect(listener).not.toHaveBeenCalled();
  });
});

describe('changes during a dispatch, as of DOM events', () => {
  test('a listener that removes itself starves nobody', () => {
    const { events } = listeners();
    const heard: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      const stop = events.on('ping', () => {
        heard.push(name);
        stop();
      });
    }
    events.emit('ping', 1);
    events.emit('ping', 2);
    expect(heard).toEqual(['a', 'b', 'c']);
  });

  test('one that was removed is not called any more', () => {
    const { events } = listeners();
    const later = vi.fn();
    events.on('ping', () => events.off('ping', later));
    events.on('ping', later);
    events.emit('ping', 1);
    expect(later).not.toHaveBeenCalled();
  });

  test('one that was added is called from the next on', () => {
    const { events } = listeners();
    const added = vi.fn();
    events.once('ping', () => events.on('ping', added));
    events.emit('ping', 1);
    expect(added).not.toHaveBeenCalled();
    events.emit('ping', 2);
    expect(added.mock.calls).toEqual([[2]]);
  });
});

describe('a listener that fails', () => {
  test('by throwing starves nobody, and is reported', () => {
    const { events, reported } = listeners();
    const after = vi.fn();
    const error = new Error('listener');
    events.on('ping', () => {
      throw error;
    });
    events.on('ping', after);
    events.emit('ping', 1);
    expect(after).toHaveBeenCalled();
    expect(reported).toEqual([error]);
  });

  test('by rejecting is reported', async () => {
    const { events, reported } = listeners();
    events.on('ping', async (value) => {
      throw value;
    });
    events.once('ping', async (value) => {
      throw value + 1;
    });
    events.emit('ping', 1);
    await settle();
    expect(reported).toEqual([1, 2]);
  });

  test('with a reporter that fails as well ends there', async () => {
    const events = new Listeners<Events>(() => {
      throw new Error('reporter');
    });
    const after = vi.fn();
    events.on('ping', () => {
      throw new Error('listener');
    });
    events.on('ping', () => Promise.reject(new Error('async listener')));
    events.on('ping', after);
    expect(() => events.emit('ping', 1)).not.toThrow();
    await settle();
    expect(after).toHaveBeenCalled();
  });
});

test('isolate returns what the call returns, and nothing when it throws', () => {
  expect(
    isolate(
      (value: number) => value + 1,
      1,
      () => {},
    ),
  ).toBe(2);
  expect(
    isolate(
      () => {
        throw new Error('x');
      },
      undefined,
      () => {},
    ),
  ).toBeUndefined();
});

describe('by default a failing listener', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('is a warning in Node, with the error itself', () => {
    const emitWarning = vi.fn();
    vi.stubGlobal('process', { emitWarning });
    const error = new Error('x');
    reportListenerError(error);
    reportListenerError('text');
    expect(emitWarning.mock.calls[0]).toEqual([error]);
    expect(emitWarning.mock.calls[1]?.[0]).toMatchObject({ message: 'text' });
  });

  test('goes to reportError in browsers, and nowhere where there is neither', () => {
    vi.stubGlobal('process', undefined);
    expect(() => reportListenerError('x')).not.toThrow();
    const reportError = vi.fn();
    vi.stubGlobal('reportError', reportError);
    reportListenerError('x');
    expect(reportError).toHaveBeenCalledWith('x');
  });
});
