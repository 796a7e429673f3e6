import mitt, { type Handler } from 'mitt';
import { wordsOf } from '../core/errors.js';

/** Told of what a listener or another function of the application throws. Default: a warning, never a crash. */
export type ListenerErrorHandler = (error: unknown) => void;

/** A listener's promise is watched too, so that an async listener cannot end the process either. */
type Listener<Event> = (event: Event) => unknown;

/**
 * Events by mitt, with what it leaves open: `on` returns `off`; a listener that throws or rejects starves nobody and is
 * reported; a listener removed during a dispatch is not called any more, one added is called from the next on (as DOM
 * events do).
 */
export class Listeners<Events extends object> {
  readonly #emitter = mitt<Record<PropertyKey, unknown>>();
  #registrations: readonly { readonly type: keyof Events; readonly listener: unknown; readonly stop: () => void }[] =
    [];
  readonly #report: ListenerErrorHandler;

  constructor(report: ListenerErrorHandler) {
    this.#report = report;
  }

  /** `known`: what `off` will name it by. */
  on<Type extends keyof Events>(type: Type, listener: Listener<Events[Type]>, known: unknown = listener): () => void {
    let active = true;
    const isolated = (event: unknown): void => {
      if (active) isolate(listener, event as Events[Type], this.#report);
    };
    const registration = {
      type,
      listener: known,
      stop: () => {
        if (!active) return;
        active = false;
        this.#emitter.off(type as PropertyKey, isolated as Handler);
        this.#registrations = this.#registrations.filter((other) => other !== registration);
      },
    };
    // A list of exactly so many: push would make room for 17, and most sockets have few.
    this.#registrations = this.#registrations.concat(registration);
    this.#emitter.on(type as PropertyKey, isolated as Handler);
    return registration.stop;
  }

  once<Type extends keyof Events>(type: Type, listener: Listener<Events[Type]>): () => void {
    const once = (event: Events[Type]): unknown => {
      stop();
      return listener(event);
    };
    const stop = this.on(type, once, listener);
    return stop;
  }

  off<Type extends keyof Events>(type: Type, listener: Listener<Events[Type]>): void {
    for (const known of this.#registrations) {
      if (known.type === type && known.listener === listener) known.stop();
    }
  }

  /** How many there are for an event. */
  count(type: keyof Events): number {
    return this.#emitter.all.get(type as PropertyKey)?.length ?? 0;
  }

  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    const handlers = this.#emitter.all.get(type as PropertyKey);
    // One listener is the usual case, for which mitt need not copy its list twice.
    if (handlers?.length === 1) (handlers[0] as Handler)(event);
    else if (handlers) this.#emitter.emit(type as PropertyKey, event);
  }
}

/**
 * Calls a function of the application's with one argument; what it throws, or its promise rejects with, is reported and
 * goes no further.
 */
export function isolate<Argument, Result>(
  call: (argument: Argument) => Result,
  argument: Argument,
  report: ListenerErrorHandler,
): Result | undefined {
  try {
    const result = call(argument);
    if (result && typeof (result as { then?: unknown }).then === 'function') {
      (result as unknown as PromiseLike<unknown>).then(undefined, (error) => reportTo(report, error));
    }
    return result;
  } catch (error) {
    reportTo(report, error);
    return undefined;
  }
}

/** The reporter is the application's as well. */
function reportTo(report: ListenerErrorHandler, error: unknown): void {
  try {
    report(error);
  } catch {}
}

/** In Node a warning, in browsers `reportError`: seen, and never the end of the process. */
export const reportListenerError: ListenerErrorHandler = (error) => {
  const { process, reportError } = globalThis as {
    process?: { emitWarning?(warning: Error): void };
    reportError?(error: unknown): void;
  };
  if (process?.emitWarning) process.emitWarning(error instanceof Error ? error : new Error(wordsOf(error)));
  else reportError?.(error);
};
