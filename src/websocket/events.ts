import {
  baseOf,
  type CloseEventInit,
  type MessageEventInit,
  type PlatformCloseEvent,
  type PlatformEvent,
  type PlatformMessageEvent,
  platform,
} from './platform.js';
import { needArguments, shapeInterface, unsignedShort, usvString } from './web-idl.js';

/** For platforms without one, such as Node before 23. (WHATWG WebSockets, "The CloseEvent interface") */
class OwnCloseEvent extends baseOf('Event') {
  readonly #code: number;
  readonly #reason: string;
  readonly #wasClean: boolean;

  // Web IDL: one argument is required.
  constructor(type: string, init: (CloseEventInit & object) | null = {}) {
    // biome-ignore lint/complexity/noArguments: an argument that is missing is another thing than undefined
    needArguments(arguments.length, 1, 'CloseEvent');
    super(type, init ?? {});
    const { code = 0, reason = '', wasClean = false } = init ?? {};
    this.#code = unsignedShort(code);
    this.#reason = usvString(reason);
    this.#wasClean = Boolean(wasClean);
  }

  get wasClean(): boolean {
    return this.#wasClean;
  }

  get code(): number {
    return this.#code;
  }

  get reason(): string {
    return this.#reason;
  }
}

shapeInterface(OwnCloseEvent, 'CloseEvent');

/** What makes a `CloseEvent`. */
export interface CloseEventConstructor {
  /** An event of this type. */
  new (type: string, init?: CloseEventInit): PlatformCloseEvent;
}

/** The platform's `CloseEvent`, or one like it where there is none. */
export const CloseEvent: CloseEventConstructor =
  platform.CloseEvent ?? (OwnCloseEvent as unknown as NonNullable<typeof platform.CloseEvent>);

/** An event of the platform's that says nothing but its type. */
export function simpleEvent(type: string): PlatformEvent {
  return new (baseOf('Event'))(type);
}

/** As `simpleEvent('error')`, which is what the standard prescribes, with the error that it does not tell beside it. */
export function errorEvent(error: Error): PlatformEvent & { readonly error: Error; readonly message: string } {
  return Object.assign(simpleEvent('error') as object, { error, message: error.message }) as ReturnType<
    typeof errorEvent
  >;
}

/** The platform's `MessageEvent`; an `Event` with the same members where there is none. */
export function messageEvent(data: unknown, origin: string): PlatformMessageEvent {
  const init: MessageEventInit = { data, origin };
  const { MessageEvent } = platform;
  if (MessageEvent) return new MessageEvent('message', init);
  const event = simpleEvent('message') as object;
  return Object.assign(event, { lastEventId: '', source: null, ports: [], ...init }) as unknown as PlatformMessageEvent;
}
