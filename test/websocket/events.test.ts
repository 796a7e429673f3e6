import { afterEach, describe, expect, test, vi } from 'vitest';
import { CloseEvent, errorEvent, messageEvent, simpleEvent } from '../../src/websocket/events.js';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** The module as it is where these globals are what they are given as. */
async function importedWith(globals: Record<string, unknown>): Promise<typeof import('../../src/websocket/events.js')> {
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  vi.resetModules();
  return await import('../../src/websocket/events.js');
}

describe('a close event', () => {
  test('is an event that carries code, reason and wasClean', () => {
    const event = new CloseEvent('close', { code: 4001, reason: 'gone', wasClean: true });
    expect(event).toBeInstanceOf(Event);
    expect([event.type, event.code, event.reason, event.wasClean]).toEqual(['close', 4001, 'gone', true]);
    expect([event.bubbles, event.cancelable]).toEqual([false, false]);
  });

  test('is the platform’s where there is one', async () => {
    class Theirs extends Event {}
    const { CloseEvent } = await importedWith({ CloseEvent: Theirs });
    expect(CloseEvent).toBe(Theirs);
  });
});

describe('our own close event, where the platform has none', () => {
  test('has the shape that Web IDL gives it', async () => {
    const { CloseEvent } = await importedWith({ CloseEvent: undefined });
    expect([CloseEvent.name, CloseEvent.length]).toEqual(['CloseEvent', 1]);
    const event = new CloseEvent('close');
    expect(Object.prototype.toString.call(event)).toBe('[object CloseEvent]');
    expect([event.code, event.reason, event.wasClean]).toEqual([0, '', false]);
    for (const name of ['code', 'reason', 'wasClean']) {
      expect(Object.getOwnPropertyDescriptor(CloseEvent.prototype, name)).toMatchObject({
        enumerable: true,
        configurable: true,
        set: undefined,
      });
    }
    expect(() => (CloseEvent.prototype as { code: number }).code).toThrow(TypeError);
  });

  test('converts what it is given', async () => {
    const { CloseEvent } = await importedWith({ CloseEvent: undefined });
    const init = { code: 65_536 + 7, reason: '\uD800x', wasClean: 1 } as never;
    const { code, reason, wasClean, cancelable } = new CloseEvent('close', {
      ...(init as object),
      cancelable: true,
    } as never);
    expect([code, reason, wasClean, cancelable]).toEqual([7, '\uFFFDx', true, true]);
    expect(() => new (CloseEvent as unknown as new () => unknown)()).toThrow(TypeError);
  });
});

test('a message event is the platform’s, with data and origin', () => {
  const event = messageEvent('hi', 'ws://host:8080');
  expect(event).toBeInstanceOf(MessageEvent);
  expect([event.type, event.data, event.origin, event.lastEventId]).toEqual(['message', 'hi', 'ws://host:8080', '']);
});

test('without a MessageEvent on the platform, it is an event with the same members', async () => {
  const { messageEvent } = await importedWith({ MessageEvent: undefined });
  const event = messageEvent('hi', 'ws://host');
  expect(event.constructor.name).toBe('Event');
  expect([event.type, event.data, event.origin, event.lastEventId, event.source, event.ports]).toEqual([
    'message',
    'hi',
    'ws://host',
    '',
    null,
    [],
  ]);
});

test('an error event is a plain event, with the error beside it', () => {
  const error = new Error('broken');
  const event = errorEvent(error);
  expect([event.constructor, event.type, event.error, event.message]).toEqual([Event, 'error', error, 'broken']);
  expect(simpleEvent('open').type).toBe('open');
});

test('a platform without events can import this, and is told what it lacks when it needs one', async () => {
  const { simpleEvent } = await importedWith({ Event: undefined, CloseEvent: undefined });
  expect(() => simpleEvent('open')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
});
