import { LongSocketError } from '../core/errors.js';

/**
 * The platform's interfaces: as types where its types are known (lib.dom, @types/node), else the part of them that is used; as values
 * looked up when they are needed, so that an import needs none of them.
 */

/** The interface of a global constructor, where its type is known; else what is used of it. */
export type Known<Name extends string, Otherwise> = typeof globalThis extends {
  [N in Name]: {
    /** Of this interface. */
    prototype: infer Interface;
  };
}
  ? Interface
  : Otherwise;

/** What is used of an `Event`. */
export interface EventLike {
  /** Such as `open`. */
  readonly type: string;
  /** What it was fired at. */
  readonly target: unknown;
  /** Whose listener is being called. */
  readonly currentTarget: unknown;
  /** Cancels it, if it can be. */
  preventDefault(): void;
  /** Keeps it from the listeners behind this one. */
  stopImmediatePropagation(): void;
}

/** What is used of a `MessageEvent`. */
export interface MessageEventLike extends EventLike {
  /** Text, or bytes as `binaryType` says. */
  // biome-ignore lint/suspicious/noExplicitAny: as in lib.dom
  readonly data: any;
  /** Of the socket's URL. */
  readonly origin: string;
}

/** What is used of a `CloseEvent`. */
export interface CloseEventLike {
  /** The connection's close code (RFC 6455 §7.4): 1005 for none in the close frame, 1006 for no close frame. */
  readonly code: number;
  /** The close frame's reason. */
  readonly reason: string;
  /** Whether the closing handshake was completed. */
  readonly wasClean: boolean;
}

/** What a listener may be. */
export type ListenerLike =
  | ((event: EventLike) => void)
  | {
      /** Called on this object. */
      handleEvent(event: EventLike): void;
    }
  | null;

/** What is used of an `EventTarget`. */
export interface EventTargetLike {
  /** Calls a listener for each event of a type. */
  addEventListener(type: string, listener: ListenerLike, options?: boolean | object): void;
  /** Calls it no more. */
  removeEventListener(type: string, listener: ListenerLike, options?: boolean | object): void;
  /** Calls the listeners for an event; false if one of them has cancelled it. */
  dispatchEvent(event: EventLike): boolean;
}

/** What is used of a `Blob`. */
export interface BlobLike {
  /** In bytes. */
  readonly size: number;
  /** Its media type. */
  readonly type: string;
  /** Reads it. */
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** What is used of a `URL`. */
export interface URLLike {
  /** The whole of it. */
  readonly href: string;
}

/** The platform's `Event`. */
export type PlatformEvent = Known<'Event', EventLike>;
/** The platform's `EventTarget`. */
export type PlatformEventTarget = Known<'EventTarget', EventTargetLike>;
/** The platform's `MessageEvent`. */
export type PlatformMessageEvent = Known<'MessageEvent', MessageEventLike>;
/** The platform's `CloseEvent`. */
export type PlatformCloseEvent = Known<'CloseEvent', PlatformEvent & CloseEventLike>;
/** The platform's `Blob`. */
export type PlatformBlob = Known<'Blob', BlobLike>;
/** The platform's `URL`. */
export type PlatformURL = Known<'URL', URLLike>;
/** The platform's own `WebSocket`. */
export type PlatformWebSocket = Known<'WebSocket', EventTargetLike>;

type EventConstructor<Interface, Init> = new (type: string, init?: Init) => Interface;

export interface MessageEventInit {
  readonly data: unknown;
  readonly origin?: string;
}

/** What a `CloseEvent` is made of. */
export interface CloseEventInit extends Partial<CloseEventLike> {}

interface Platform {
  readonly Event?: EventConstructor<PlatformEvent, object>;
  readonly EventTarget?: new () => PlatformEventTarget;
  readonly MessageEvent?: EventConstructor<PlatformMessageEvent, MessageEventInit>;
  readonly CloseEvent?: EventConstructor<PlatformCloseEvent, CloseEventInit>;
  readonly DOMException?: new (message: string, name: string) => Error;
  readonly Blob?: new (parts: readonly unknown[]) => PlatformBlob;
  readonly document?: { readonly baseURI?: string };
  readonly location?: { readonly href?: string };
}

/** Not every global is everywhere. */
export const platform = globalThis as unknown as Platform;

/** What a class of events or targets extends. Where the platform has none, importing is harmless and constructing an error that says so. */
export function baseOf<Name extends 'Event' | 'EventTarget'>(name: Name): NonNullable<Platform[Name]> {
  const missing = class {
    constructor() {
      throw new LongSocketError(
        'UNSUPPORTED',
        `there is no ${name} on this platform: define globalThis.${name} before the import`,
      );
    }
  };
  return (platform[name] ?? missing) as NonNullable<Platform[Name]>;
}

/** An exception of the platform's, by its name in the standard (Web IDL §2.8.1). */
export function domException(name: string, message: string): Error {
  const { DOMException } = platform;
  return DOMException ? new DOMException(message, name) : Object.assign(new Error(message), { name });
}
