import type { LongSocketError } from '../core/errors.js';
import type { Ending } from '../core/types.js';
import type { Abort } from '../socket/abort.js';
import { CloseEvent as PlatformCloseEvent } from '../websocket/events.js';
import {
  baseOf,
  type PlatformEvent,
  type PlatformEventTarget,
  type PlatformMessageEvent,
} from '../websocket/platform.js';

/** `close`: one connection, or one dial, has ended; the socket may dial again. Also a `CloseEvent` of the platform, where it has one. */
export class CloseEvent extends PlatformCloseEvent {
  /** `init`: with `wasClean`, as of another event. A socket, which those libraries pass here, has none. */
  constructor(code = 1000, reason = '', init?: object) {
    const { wasClean = true } = Object(init) as { wasClean?: boolean };
    super('close', { code, reason, wasClean });
  }
}

/** Named here, so that the declarations need no `Event` of the platform's. */
const SimpleEvent: new (type: string) => PlatformEvent = baseOf('Event');

/** `error`: a dial failed, or a connection broke; its `close` follows. `message` is `TIMEOUT` after `connectionTimeout`. */
export class ErrorEvent extends SimpleEvent {
  /** That of the error. */
  readonly message: string;
  /** What went wrong, as deep down as is known. */
  readonly error: Error;

  constructor(error: Error, _target?: unknown) {
    super('error');
    this.message = error.message;
    this.error = error;
  }
}

/** The true code: of the peer's close frame, else 1006. */
export function closeEventOf({ code, reason, wasClean, cause }: Ending): CloseEvent {
  return new CloseEvent(code, cause === 'timeout' ? 'timeout' : reason, { wasClean });
}

/** With the message of what went wrong below, where that is known. */
export function errorEventOf({ cause, error }: Ending, told: LongSocketError): ErrorEvent {
  if (cause === 'timeout') return new ErrorEvent(new Error('TIMEOUT', { cause: told }));
  return new ErrorEvent(error instanceof Error ? error : told);
}

/** Events by name. */
export interface WebSocketEventMap {
  /** There is a connection. */
  open: PlatformEvent;
  /** A message came. */
  message: PlatformMessageEvent;
  /** A connection, or a dial, has ended. */
  close: CloseEvent;
  /** A dial failed, or a connection broke. */
  error: ErrorEvent;
}

/** A function, or an object with `handleEvent`. */
export type Listener<Event> =
  | ((event: Event) => void)
  | {
      /** Called with each event. */
      handleEvent(event: Event): void;
    };

/** An `EventTarget` whose listeners know what they get. */
export interface SocketEventTarget extends PlatformEventTarget {
  /** Calls `listener` for each event of a type. */
  addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: Listener<WebSocketEventMap[Type]> | null,
    options?: boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: Abort },
  ): void;
  /** As above, for events of the application's own. */
  addEventListener(...args: Parameters<PlatformEventTarget['addEventListener']>): void;
  /** Calls it no more. */
  removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: Listener<WebSocketEventMap[Type]> | null,
    options?: boolean | { capture?: boolean },
  ): void;
  /** As above. */
  removeEventListener(...args: Parameters<PlatformEventTarget['removeEventListener']>): void;
}

export const SocketEventTarget = baseOf('EventTarget') as unknown as new () => SocketEventTarget;
