import { describe, expect, test } from 'vitest';
import { HandlerAttributes } from '../../src/websocket/handler-attributes.js';

function target() {
  const target = new EventTarget();
  return { target, handlers: new HandlerAttributes(target), fire: () => target.dispatchEvent(new Event('open')) };
}

describe('a handler attribute', () => {
  test('is null until it is set, and again when it is set to null', () => {
    const { handlers, fire } = target();
    const heard: string[] = [];
    expect(handlers.get('open')).toBeNull();
    const handler = () => heard.push('a');
    handlers.set('open', handler);
    expect(handlers.get('open')).toBe(handler);
    fire();
    handlers.set('open', null);
    expect(handlers.get('open')).toBeNull();
    fire();
    expect(heard).toEqual(['a']);
  });

  test('is called with the event alone, on the target', () => {
    const { target: self, handlers, fire } = target();
    const calls: unknown[][] = [];
    handlers.set('open', function (this: unknown, ...args: Event[]) {
      calls.push([this, args.length, args[0]?.type]);
    });
    fire();
    expect(calls).toEqual([[self, 1, 'open']]);
  });

  test('takes its turn where it was first set, also when it is replaced', () => {
    const { target: self, handlers, fire } = target();
    const heard: string[] = [];
    self.addEventListener('open', () => heard.push('1'));
    handlers.set('open', () => heard.push('old'));
    self.addEventListener('open', () => heard.push('3'));
    handlers.set('open', () => heard.push('2'));
    fire();
    expect(heard).toEqual(['1', '2', '3']);
    handlers.set('open', null);
    handlers.set('open', () => heard.push('last'));
    heard.length = 0;
    fire();
    expect(heard).toEqual(['1', '3', 'last']);
  });

  test('takes nothing but objects: all else stands for null', () => {
    const { handlers } = target();
    for (const value of [1, '', 'x', true, undefined, null, Symbol()]) {
      handlers.set('open', () => {});
      handlers.set('open', value);
      expect(handlers.get('open')).toBeNull();
    }
  });

  test('keeps an object that cannot be called, and does not call it', () => {
    const { handlers, fire } = target();
    const heard: string[] = [];
    const object = { handleEvent: () => heard.push('no') };
    handlers.set('open', object);
    expect(handlers.get('open')).toBe(object);
    fire();
    expect(heard).toEqual([]);
  });

  test('cancels the event by returning false', () => {
    const { target: self, handlers } = target();
    handlers.set('open', () => false);
    expect(self.dispatchEvent(new Event('open', { cancelable: true }))).toBe(false);
  });
});
