import type { EventLike } from './platform.js';

/** What is used of an `EventTarget`, whichever types it has. */
interface Target {
  // biome-ignore lint/suspicious/noExplicitAny: lib.dom's events, @types/node's or ours
  addEventListener(type: string, listener: (event: any) => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  removeEventListener(type: string, listener: (event: any) => void): void;
}

interface Handler {
  callback: object;
  readonly listener: (event: EventLike) => void;
}

/**
 * The attributes `onopen`, `onmessage` and so on of one target, as HTML has them ("event handler IDL attributes"): a handler
 * takes its turn among the listeners where it was first set, and keeps it when another replaces it; what is not an object
 * stands for null; an object that cannot be called is kept, and not called.
 */
export class HandlerAttributes {
  readonly #target: Target;
  readonly #handlers = new Map<string, Handler>();

  constructor(target: Target) {
    this.#target = target;
  }

  /** The handler for a type of event, or null. */
  get(type: string): never {
    return (this.#handlers.get(type)?.callback ?? null) as never;
  }

  set(type: string, value: unknown): void {
    const callback = typeof value === 'function' || typeof value === 'object' ? value : null;
    const handler = this.#handlers.get(type);
    if (callback === null) {
      if (handler) this.#target.removeEventListener(type, handler.listener);
      this.#handlers.delete(type);
    } else if (handler) handler.callback = callback;
    else this.#add(type, callback);
  }

  #add(type: string, callback: object): void {
    const handler: Handler = {
      callback,
      listener(event) {
        const { callback } = handler;
        // What it returns cancels the event, as an attribute in markup does.
        if (typeof callback === 'function' && callback.call(event.currentTarget, event) === false)
          event.preventDefault();
      },
    };
    this.#handlers.set(type, handler);
    this.#target.addEventListener(type, handler.listener);
  }
}
