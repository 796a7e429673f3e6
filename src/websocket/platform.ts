import { LongSocketError } from '../core/errors.js';

/**
 * The platform's interfaces: as types where its types are known (lib.dom, @types/node), else the part of them that is used; as values
 * looked up when they are needed, so that an import needs none of them.
 */

/** The interface of a global constructor, where its type is known. */
type Known<Name extends string, Otherwise> = typeof globalThis extends { [N in Name]: { prototype: infer Interface } }
  ? Interface
  : Otherwise;

/** What is used of an `Event`. */
export interface EventLike {
  readonly type: string;
  readonly target: unknown;
  readonly currentTarget: unknown;
  preventDefault(): void;
  stopImmediatePropagation(): void;
}

export interface MessageEventLike extends EventLike {
  // biome-ignore lint/suspicious/noExplicitAny: as in lib.dom
  readonly data: any;
  readonly origin: string;
}

export interface CloseEventLike extends EventLike {
  /** The connection's close code (RFC 6455 §7.4): 1005 for none in the close frame, 1006 for no close frame. */
  readonly code: number;
  readonly reason: string;
  /** Whether the closing handshake was completed. */
  readonly wasClean: boolean;
}

/** What is used of an `EventTarget`. */
export interface EventTargetLike {
  addEventListener(
    type: string,
    listener: ((event: EventLike) => void) | { handleEvent(event: EventLike): void } | null,
    options?: boolean | { capture?: boolean; once?: boolean; passive?: boolean },
  ): void;
  removeEventListener(
    type: string,
    listener: ((event: EventLike) => void) | { handleEvent(event: EventLike): void } | null,
    options?: boolean | { capture?: boolean },
  ): void;
  dispatchEvent(event: EventLike): boolean;
}

export interface BlobLike {
  readonly size: number;
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}

export type PlatformEvent = Known<'Event', EventLike>;
export type PlatformEventTarget = Known<'EventTarget', EventTargetLike>;
export type PlatformMessageEvent = Known<'MessageEvent', MessageEventLike>;
export type PlatformCloseEvent = Known<
  'CloseEvent',
  PlatformEvent & Pick<CloseEventLike, 'code' | 'reason' | 'wasClean'>
>;
export type PlatformBlob = Known<'Blob', BlobLike>;
/** The platform's own `WebSocket`. */
export type PlatformWebSocket = Known<'WebSocket', EventTargetLike>;

type EventConstructor<Interface, Init> = new (type: string, init?: Init) => Interface;

export interface MessageEventInit {
  readonly data: unknown;
  readonly origin?: string;
}

export interface CloseEventInit {
  readonly code?: number;
  readonly reason?: string;
  readonly wasClean?: boolean;
}

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
