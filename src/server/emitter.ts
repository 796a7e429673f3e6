/** The only place that knows `node:events`: what passes for something of the `ws` package is an emitter, as that is. */
import { EventEmitter } from 'node:events';

/** Called with what the event is emitted with. */
// biome-ignore lint/suspicious/noExplicitAny: one signature for all events, and for the types of Node and ws to fit
export type EmitterListener = (...args: any[]) => void;

/** Node's `EventEmitter`, as a type that needs no @types/node. */
export interface NodeEmitter {
  /** Calls `listener` for each such event. */
  on(event: string | symbol, listener: EmitterListener): this;
  /** As `on`. */
  addListener(event: string | symbol, listener: EmitterListener): this;
  /** Calls `listener` for the next such event alone. */
  once(event: string | symbol, listener: EmitterListener): this;
  /** As `on`, before the listeners there are. */
  prependListener(event: string | symbol, listener: EmitterListener): this;
  /** As `once`, before the listeners there are. */
  prependOnceListener(event: string | symbol, listener: EmitterListener): this;
  /** Removes a listener, added once. */
  off(event: string | symbol, listener: EmitterListener): this;
  /** As `off`. */
  removeListener(event: string | symbol, listener: EmitterListener): this;
  /** Removes all listeners, to one event or to every. */
  removeAllListeners(event?: string | symbol): this;
  /** Calls the listeners to an event; whether there were any. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  emit(event: string | symbol, ...args: any[]): boolean;
  /** The listeners to an event. */
  listeners(event: string | symbol): EmitterListener[];
  /** The same, with the wrappers of `once`. */
  rawListeners(event: string | symbol): EmitterListener[];
  /** How many there are. */
  listenerCount(event: string | symbol): number;
  /** The events with listeners. */
  eventNames(): (string | symbol)[];
  /** From how many listeners on Node warns of a leak. */
  setMaxListeners(most: number): this;
  /** The same number. */
  getMaxListeners(): number;
}

export const Emitter = EventEmitter as unknown as new () => NodeEmitter;
