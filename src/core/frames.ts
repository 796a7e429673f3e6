/**
 * What goes over the wire of a session (PROTOCOL.md §3 and §5). Data costs nothing: bytes, and text that does not start
 * with DLE, go as they are. A control frame is text: DLE, a letter, and the rest.
 */
import { byteLength } from './outbox.js';
import type { Data } from './types.js';

/** The subprotocol that stands for all of this. */
export const TOKEN = 'longsocket.v1';
export const VERSION = 1;

const DLE = '\u0010';
const DLE_CODE = 0x10;
/** Longest control frame, in bytes. */
const LONGEST = 2048;

/** C→S: a new session. `b`: bytes the client retains. */
export interface Hello {
  readonly letter: 'H';
  readonly v: number;
  readonly b: number;
}

/** S→C: attached. The server's first frame, always. */
export interface Welcome {
  readonly letter: 'W';
  /** The session's id, and, for a new session only, its key. */
  readonly s: string;
  readonly k?: string;
  /** What the server has received, and what its application has consumed. */
  readonly r: number;
  readonly c: number;
  /** Number of the first data frame it will send here. */
  readonly f: number;
  /** How long the session outlives its connection, and the server its own silence, in ms. */
  readonly t: number;
  readonly h: number;
  /** Age at which the connection will be cut, in ms. */
  readonly m?: number;
  /** Bytes the server retains, and the longest message it takes. */
  readonly b: number;
  readonly z: number;
  /** The subprotocol it chose of the application's own. */
  readonly p?: string;
  /** Answer to a held RESUME where holding is impossible: the session has moved here already. */
  readonly x?: 1;
}

/** C→S: continue a session. `h`: hold it, do not switch yet. */
export interface Resume {
  /** The frame's letter. */
  readonly letter: 'R';
  /** Version of the protocol. */
  readonly v: number;
  /** The session's id. */
  readonly s: string;
  /** Its key; not in what `inspect` is told. */
  readonly k: string;
  /** Attempt; strictly increases in a session. */
  readonly n: number;
  /** Number of the last message that the client has received. */
  readonly r: number;
  /** Number of the last message that its application has consumed. */
  readonly c: number;
  /** Hold the connection, and do not switch to it yet. */
  readonly h?: 1;
}

/** C→S, after WELCOME to a held RESUME: send here from `r` + 1 on; my next data frame here has number `s`. */
export interface Take {
  readonly letter: 'T';
  readonly r: number;
  readonly c: number;
  readonly s: number;
}

/** Cumulative: consumed up to `c`. */
export interface Ack {
  readonly letter: 'A';
  readonly c: number;
}

export interface Ping {
  readonly letter: 'P';
  readonly id: number;
  readonly c: number;
}

export interface Pong {
  readonly letter: 'O';
  readonly id: number;
  readonly c: number;
}

/** S→C: change to another connection at a random moment within `w` ms; after `d` ms this one is closed. */
export interface GoAway {
  readonly letter: 'G';
  readonly d: number;
  readonly w: number;
  readonly why: string;
}

/** S→C: refused; see {@link Refusal}. */
export interface Gone {
  readonly letter: 'X';
  readonly why: string;
  /** What the server has received; how long to wait, in ms; code and reason of a FIN that the client missed. */
  readonly r?: number;
  readonly retry?: number;
  readonly c?: number;
  readonly m?: string;
}

/** The last frame of its direction: numbered, retained and acked like data. */
export interface Fin {
  /** The frame's letter. */
  readonly letter: 'F';
  /** The closer's code. */
  readonly c: number;
  /** The closer's reason. */
  readonly m: string;
}

export type Control = Hello | Welcome | Resume | Take | Ack | Ping | Pong | GoAway | Gone | Fin;

/** Why a server refuses. The first three may be retried; after the others the session is over. */
export type Refusal =
  | 'busy'
  | 'stale'
  | 'principal'
  | 'expired'
  | 'unknown'
  | 'evicted'
  | 'range'
  | 'key'
  | 'lost'
  | 'version'
  | 'closed';

// --- writing ---------------------------------------------------------------------------------------------------------

/** The application's message as it goes over the wire: a leading DLE is doubled. */
export function framed(data: Data): Data {
  return typeof data === 'string' && data.charCodeAt(0) === DLE_CODE ? DLE + data : data;
}

/** The application's message back from what {@link framed} made of it; `undefined` for a FIN. */
export function unframed(data: Data): Data | undefined {
  if (typeof data !== 'string' || data.charCodeAt(0) !== DLE_CODE) return data;
  return data.charCodeAt(1) === DLE_CODE ? data.slice(1) : undefined;
}

/** A control frame as text. */
export function encode(frame: Control): string {
  switch (frame.letter) {
    case 'A':
      return `${DLE}A${frame.c}`;
    case 'P':
    case 'O':
      return `${DLE}${frame.letter}${frame.id},${frame.c}`;
    case 'T':
      return `${DLE}T${frame.r},${frame.c},${frame.s}`;
    default: {
      const { letter, ...fields } = frame;
      return `${DLE}${letter}${JSON.stringify(fields, (_, value) => (typeof value === 'number' ? whole(value) : value))}`;
    }
  }
}

/** Options may be fractions, or Infinity. */
const whole = (value: number): number => Math.min(Math.ceil(value), Number.MAX_SAFE_INTEGER);

/** What a log shows instead of a key. */
export const REDACTED = '…';

/** A frame for a log: WELCOME and RESUME carry the session's key. */
export function withoutKey(text: string): string {
  const secret = !isPlain(text) && (text[1] === 'W' || text[1] === 'R');
  // As another library may write it, too: with spaces, or wrongly.
  return secret ? text.replace(/"k"\s*:\s*"(?:[^"\\]|\\.?)*"?/gs, `"k":"${REDACTED}"`) : text;
}

// --- reading ---------------------------------------------------------------------------------------------------------

/** Text as it came: is it the application's as it stands? */
export function isPlain(text: string): boolean {
  return text.charCodeAt(0) !== DLE_CODE;
}

/** Text as it came: is it a frame of ours that is not numbered? */
export function isControl(data: Data): boolean {
  return typeof data === 'string' && !isPlain(data) && data[1] !== DLE && data[1] !== 'F';
}

type Kind = 'count' | 'text' | 'one';

/** Fields of the frames written as JSON; those with `?` may be missing. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  H: { v: 'count', b: 'count' },
  W: {
    s: 'text',
    'k?': 'text',
    r: 'count',
    c: 'count',
    f: 'count',
    t: 'count',
    h: 'count',
    'm?': 'count',
    b: 'count',
    z: 'count',
    'p?': 'text',
    'x?': 'one',
  },
  R: { v: 'count', s: 'text', k: 'text', n: 'count', r: 'count', c: 'count', 'h?': 'one' },
  G: { d: 'count', w: 'count', why: 'text' },
  X: { why: 'text', 'r?': 'count', 'retry?': 'count', 'c?': 'count', 'm?': 'text' },
  F: { c: 'count', m: 'text' },
};

const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  A: ['c'],
  P: ['id', 'c'],
  O: ['id', 'c'],
  T: ['r', 'c', 's'],
};

/**
 * Text that starts with DLE: the application's (as text, one DLE stripped), a control frame, `undefined` for one of a
 * later version that may be ignored, or `'malformed'` (as an object, lest it be taken for text).
 */
export function parse(text: string): string | Control | undefined | typeof MALFORMED {
  const letter = text.charAt(1);
  if (letter === DLE) return text.slice(1);
  if (text.length > LONGEST || byteLength(text) > LONGEST) return MALFORMED;
  const names = NUMBERS[letter];
  if (names) return numbered(letter, names, text.slice(2));
  const fields = FIELDS[letter];
  if (fields) return structured(letter, fields, text.slice(2));
  return letter >= 'a' && letter <= 'z' ? undefined : MALFORMED;
}

/** No frame of this protocol, or one with wrong contents. */
export const MALFORMED = { letter: '?' } as const;

function numbered(letter: string, names: readonly string[], text: string): Control | typeof MALFORMED {
  const frame: Record<string, unknown> = { letter };
  const parts = text.split(',');
  if (parts.length !== names.length) return MALFORMED;
  for (const [i, name] of names.entries()) {
    const part = parts[i] as string;
    const number = Number(part);
    if (!/^\d{1,16}$/.test(part) || number > Number.MAX_SAFE_INTEGER) return MALFORMED;
    frame[name] = number;
  }
  return frame as unknown as Control;
}

function structured(letter: string, fields: Readonly<Record<string, Kind>>, text: string): Control | typeof MALFORMED {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text);
  } catch {
    return MALFORMED;
  }
  if (typeof value !== 'object' || value === null) return MALFORMED;
  const frame: Record<string, unknown> = { letter };
  for (const [field, kind] of Object.entries(fields)) {
    const name = field.replace('?', '');
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (given === undefined && name !== field) continue;
    if (!holds(kind, given)) return MALFORMED;
    frame[name] = given;
  }
  // A FIN says what a close frame says, within the same bounds (RFC 6455 §5.5, §7.4).
  const { c, m } = frame as { c: number; m: string };
  if (letter === 'F' && (c < 1000 || c > 4999 || byteLength(m) > 123)) return MALFORMED;
  return frame as unknown as Control;
}

function holds(kind: Kind, value: unknown): boolean {
  if (kind === 'count') return Number.isSafeInteger(value) && (value as number) >= 0;
  return kind === 'one' ? value === 1 : typeof value === 'string';
}
