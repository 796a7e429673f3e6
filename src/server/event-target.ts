/** The second way to listen to a socket of `ws`, that of the DOM, over the first. */
import { Emitter, type EmitterListener } from './emitter.js';

/** What every event has. */
export interface WsEvent {
  /** `message`, say. */
  readonly type: string;
  /** The socket. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever type somebody has for it
  readonly target: any;
}
/** A message. */
export interface WsMessageEvent extends WsEvent {
  /** Text, or bytes as `binaryType` says. */
  // biome-ignore lint/suspicious/noExplicitAny: depends on `binaryType`
  readonly data: any;
}
/** An error, which `close` follows. */
export interface WsErrorEvent extends WsEvent {
  /** What has happened. */
  // biome-ignore lint/suspicious/noExplicitAny: as in ws
  readonly error: any;
  /** Its message. */
  readonly message: string;
}
/** The end. */
export interface WsCloseEvent extends WsEvent {
  /** The close code (RFC 6455 §7.4); 1006 if there was none. */
  readonly code: number;
  /** The closer's reason. */
  readonly reason: string;
  /** Whether both ends had said that it is the end. */
  readonly wasClean: boolean;
}

/** What listeners are given that were added by `addEventListener` or `onmessage` and the like, as in `ws`: no `Event` of the platform's. */
export interface WsEvents {
  /** Never: a server's sockets are open. */
  open: WsEvent;
  /** A message has come. */
  message: WsMessageEvent;
  /** It fails; `close` follows. */
  error: WsErrorEvent;
  /** It is over. */
  close: WsCloseEvent;
}
type Type = keyof WsEvents;
type Handler<Event> = ((event: Event) => void) | { handleEvent(event: Event): void };
type Attribute<Name extends Type> = ((event: WsEvents[Name]) => void) | null;

interface Registration {
  readonly type: string;
  readonly handler: unknown;
  /** Set by `onmessage = …` and the like. */
  readonly isAttribute: boolean;
  readonly listener: EmitterListener;
}

export abstract class EmittingTarget extends Emitter {
  #registrations: Registration[] = [];

  protected abstract readonly wasClean: boolean;

  addEventListener<Name extends Type>(
    type: Name,
    handler: Handler<WsEvents[Name]>,
    options: { once?: boolean | undefined } = {},
  ): void {
    if (!this.#known(type, (known) => known.handler === handler && !known.isAttribute)) {
      this.#add(type, handler as Handler<WsEvent>, options.once ?? false, false);
    }
  }

  removeEventListener<Name extends Type>(type: Name, handler: Handler<WsEvents[Name]>): void {
    this.#remove(this.#known(type, (known) => known.handler === handler && !known.isAttribute));
  }

  #add(type: string, handler: Handler<WsEvent>, once: boolean, isAttribute: boolean): void {
    if (!Object.hasOwn(details, type)) return;
    const detailOf = details[type as Type];
    const listener: EmitterListener = (...args) => {
      if (once) this.#remove(registration);
      const event = { type, target: this, ...detailOf(args, this.wasClean) };
      if (typeof handler === 'function') handler.call(this, event);
      else handler.handleEvent(event);
    };
    const registration = { type, handler, isAttribute, listener };
    this.#registrations.push(registration);
    this.on(type, listener);
  }

  /** Those that `removeAllListeners` has taken away are known no more. */
  #known(type: string, which: (registration: Registration) => boolean): Registration | undefined {
    this.#registrations = this.#registrations.filter((known) => this.listeners(known.type).includes(known.listener));
    return this.#registrations.find((known) => known.type === type && which(known));
  }

  #remove(registration: Registration | undefined): void {
    if (!registration) return;
    this.#registrations = this.#registrations.filter((known) => known !== registration);
    this.removeListener(registration.type, registration.listener);
  }

  #attribute<Name extends Type>(type: Name): Attribute<Name> {
    return (this.#known(type, ({ isAttribute }) => isAttribute)?.handler as Attribute<Name> | undefined) ?? null;
  }

  #setAttribute<Name extends Type>(type: Name, handler: Attribute<Name>): void {
    this.#remove(this.#known(type, ({ isAttribute }) => isAttribute));
    if (typeof handler === 'function') this.#add(type, handler as Handler<WsEvent>, false, true);
  }

  get onopen(): Attribute<'open'> {
    return this.#attribute('open');
  }
  set onopen(handler: Attribute<'open'>) {
    this.#setAttribute('open', handler);
  }
  get onmessage(): Attribute<'message'> {
    return this.#attribute('message');
  }
  set onmessage(handler: Attribute<'message'>) {
    this.#setAttribute('message', handler);
  }
  get onerror(): Attribute<'error'> {
    return this.#attribute('error');
  }
  set onerror(handler: Attribute<'error'>) {
    this.#setAttribute('error', handler);
  }
  get onclose(): Attribute<'close'> {
    return this.#attribute('close');
  }
  set onclose(handler: Attribute<'close'>) {
    this.#setAttribute('close', handler);
  }
}

/** What an event of the DOM says of what the emitter's listeners are called with. */
const details: Record<Type, (args: Parameters<EmitterListener>, wasClean: boolean) => object> = {
  open: () => ({}),
  message: ([data, isBinary]) => ({ data: isBinary ? data : data.toString() }),
  error: ([error]) => ({ error, message: error.message }),
  close: ([code, reason], wasClean) => ({ code, reason: reason.toString(), wasClean }),
};
