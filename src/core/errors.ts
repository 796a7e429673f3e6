import type { Data, Ending } from './types.js';

/**
 * What went wrong, for programs. Thrown or rejected with:
 * - `INVALID_OPTION`, `INVALID_URL`, `INVALID_ARGUMENT`: the caller's mistake; nothing was done
 * - `INVALID_MESSAGE`: neither text nor bytes, or nothing that the codec can encode; nothing was queued
 * - `QUOTA_EXCEEDED`: the buffer is full; nothing was queued
 * - `MESSAGE_TOO_BIG`: longer than the server of this session accepts; nothing was queued
 * - `CLOSED`: not connecting or connected any more, or not yet
 * - `ABORTED`: an abort signal; `cause` is its reason
 * - `READER_TOO_SLOW`: an async iterator's buffer overflowed, and it ended
 *
 * Rejected by requests:
 * - `REQUEST_TIMEOUT`: no answer came in time
 * - `REQUEST_LOST`: nobody knows whether it was handled: the connection is lost, or the session, or who was to answer
 * - `REQUEST_REFUSED`: the peer did not handle it: it has no handler, is busy, or cannot read it
 * - `REQUEST_FAILED`: the peer's handler failed
 *
 * Given to the `error` event alone, with `data`:
 * - `INVALID_MESSAGE`: what came is no message to the codec; it is skipped, and all else goes on
 *
 * Given to the `error` event, and to the rejections that follow from it, with `ending` saying more:
 * - `UNSUPPORTED`: the platform's WebSocket cannot do what an option asks for
 * - `PROVIDER_FAILED`, `DIAL_FAILED`, `UPGRADE_REFUSED`, `CONNECT_TIMEOUT`, `HOOK_FAILED`: the attempt failed
 * - `CONNECTION_LOST`, `DEAD_PEER`, `PEER_CLOSED`: the connection ended
 * - `SESSION_REFUSED`, `SESSION_PROTOCOL`: the session could not go on with this connection
 * - `SESSION_UNSUPPORTED`, `SESSION_LOST`, `UNDELIVERABLE`, `SESSION_EXPIRED`, `SESSION_EVICTED`, `SESSION_MOVED`: it ended
 */
export type ErrorCode =
  | 'INVALID_OPTION'
  | 'INVALID_URL'
  | 'INVALID_ARGUMENT'
  | 'INVALID_MESSAGE'
  | 'QUOTA_EXCEEDED'
  | 'MESSAGE_TOO_BIG'
  | 'CLOSED'
  | 'ABORTED'
  | 'READER_TOO_SLOW'
  | 'REQUEST_TIMEOUT'
  | 'REQUEST_LOST'
  | 'REQUEST_REFUSED'
  | 'REQUEST_FAILED'
  | 'UNSUPPORTED'
  | 'PROVIDER_FAILED'
  | 'DIAL_FAILED'
  | 'UPGRADE_REFUSED'
  | 'CONNECT_TIMEOUT'
  | 'HOOK_FAILED'
  | 'CONNECTION_LOST'
  | 'DEAD_PEER'
  | 'PEER_CLOSED'
  | 'SESSION_REFUSED'
  | 'SESSION_PROTOCOL'
  | 'SESSION_UNSUPPORTED'
  | 'SESSION_LOST'
  | 'UNDELIVERABLE'
  | 'SESSION_EXPIRED'
  | 'SESSION_EVICTED'
  | 'SESSION_MOVED';

const BRAND = Symbol.for('longsocket.error');

/** Every error of this library. `instanceof` holds across copies and builds of it; programs look at `code`. */
export class LongSocketError extends Error {
  /** Always `LongSocketError`. */
  override readonly name = 'LongSocketError';
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** What ended the attempt or connection, for the codes that speak of one. */
  readonly ending?: Ending;
  /** What came and could not be decoded, as it came. */
  readonly data?: Data;

  constructor(
    code: ErrorCode,
    message: string,
    { cause, ending, data }: { cause?: unknown; ending?: Ending | undefined; data?: Data | undefined } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    if (ending) this.ending = ending;
    if (data !== undefined) this.data = data;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Whether `value` is an error of this library, of whichever copy or build. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

const ENDINGS: Record<Ending['cause'], readonly [ErrorCode, string]> = {
  provider: ['PROVIDER_FAILED', 'a url, protocols or headers provider failed'],
  dial: ['DIAL_FAILED', 'the connection could not be opened'],
  status: ['UPGRADE_REFUSED', 'the server answered the upgrade with HTTP status '],
  unsupported: ['UNSUPPORTED', "this platform's WebSocket cannot do what an option asks for"],
  timeout: ['CONNECT_TIMEOUT', 'the connection was not ready within connectTimeout'],
  hook: ['HOOK_FAILED', 'onConnect failed'],
  lost: ['CONNECTION_LOST', 'the connection ended without a close frame'],
  peer: ['PEER_CLOSED', 'the peer closed with code '],
  'dead-peer': ['DEAD_PEER', 'the peer gave no sign of life'],
  caller: ['CLOSED', 'closed by the caller'],
  refused: ['SESSION_REFUSED', 'the server refused the session for now: '],
  protocol: ['SESSION_PROTOCOL', 'the other end broke the session protocol'],
  'no-session': ['SESSION_UNSUPPORTED', 'option `session` needs a server of this library'],
  'session-lost': ['SESSION_LOST', 'the server has lost the session: '],
  undeliverable: ['UNDELIVERABLE', 'a message ends every connection it is sent on'],
  expired: ['SESSION_EXPIRED', 'the client did not come back in time'],
  evicted: ['SESSION_EVICTED', 'the session had to make room'],
  moved: ['SESSION_MOVED', 'the session is on another server now'],
};

/** What was thrown says, whatever it is: it may have no text, or throw when it is asked for one. */
export function wordsOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'no words';
  }
}

/** The error that says what `ending` was. */
export function errorOf(ending: Ending): LongSocketError {
  const [code, text] = ENDINGS[ending.cause];
  const { status, reason } = ending;
  const details = { status, peer: ending.code, refused: reason, 'session-lost': reason };
  const detail = (details as Partial<Record<Ending['cause'], string | number>>)[ending.cause] ?? '';
  const words = ending.error instanceof Error ? wordsOf(ending.error) : '';
  const inner = words && `: ${words}`;
  return new LongSocketError(code, `${text}${detail}${inner}`, { cause: ending.error, ending });
}

/** Of those who send, or wait, on a socket that is over. */
export function closedError(): LongSocketError {
  return new LongSocketError('CLOSED', 'the socket is closed, or closing: nothing can be sent');
}

/** Of messages that the server has said it will not take. */
export function tooBigError(): LongSocketError {
  return new LongSocketError(
    'MESSAGE_TOO_BIG',
    "the message is longer than the server's `maxPayload`: send it in parts",
  );
}
