import { LongSocketError } from '../core/errors.js';
import type { Data } from '../core/types.js';

/**
 * What an envelope is, by its letter: a request, its answer, a failure instead of one; the requester does not want it any
 * more, asks whether these are still being handled, is told which are not. The wire form is in REQUESTS.md.
 */
export type Kind = 'Q' | 'A' | 'E' | 'C' | 'H' | 'L';

export interface Envelope {
  readonly kind: Kind;
  readonly id: string;
  /** Text or bytes, as the codec made them; `undefined`: nothing. */
  readonly body: Data | undefined;
}

/** ENQ. No JSON text begins with it. */
const MARK = '\u0005';
/** No message of msgpack begins with it. */
const MARK_BYTE = 0xc1;
const SPACE = 0x20;
/** Behind the mark: this is a message after all, that begins with the mark by itself. */
const PLAIN = '=';
const MOST_ID = 64;
const ID = /^[\w.-]+$/;

export function envelope(kind: Kind, id: string, body?: Data): Data {
  const head = `${kind}${id}`;
  if (body === undefined) return MARK + head;
  return typeof body === 'string' ? `${MARK}${head} ${body}` : marked(`${head} `, bytesOf(body));
}

/** A message as it stands; `undefined`: an envelope. */
export function ordinary(data: Data): Data | undefined {
  if (typeof data === 'string') {
    if (!data.startsWith(MARK)) return data;
    return data[1] === PLAIN ? data.slice(2) : undefined;
  }
  const bytes = bytesOf(data);
  if (bytes[0] !== MARK_BYTE) return data;
  if (bytes[1] !== PLAIN.charCodeAt(0)) return undefined;
  return data instanceof ArrayBuffer ? data.slice(2) : bytes.subarray(2);
}

/** What to send of a message, so that it is not taken for an envelope. */
export function escaped(data: Data): Data {
  if (typeof data === 'string') return data.startsWith(MARK) ? `${MARK}${PLAIN}${data}` : data;
  const bytes = bytesOf(data);
  return bytes[0] === MARK_BYTE ? marked(PLAIN, bytes) : data;
}

/** @throws LongSocketError `INVALID_MESSAGE` */
export function parse(data: Data): Envelope {
  const [head, body] = typeof data === 'string' ? splitText(data) : splitBytes(data);
  const [kind, id] = [head.charAt(0), head.slice(1)];
  if (!/^[QAECHL]$/.test(kind) || id.length > MOST_ID || !ID.test(id)) throw malformed(data);
  return { kind: kind as Kind, id, body };
}

export function malformed(data: Data): LongSocketError {
  return new LongSocketError('INVALID_MESSAGE', 'a malformed request or answer came', { data });
}

/** Ids in an envelope about several. */
export function idsOf({ id, body }: Envelope): string[] {
  return typeof body === 'string' ? [id, ...body.split(' ')] : [id];
}

function splitText(text: string): [head: string, body: string | undefined] {
  const end = text.slice(0, MOST_ID + 3).indexOf(' ');
  return end < 0 ? [text.slice(1, MOST_ID + 4), undefined] : [text.slice(1, end), text.slice(end + 1)];
}

function splitBytes(data: Exclude<Data, string>): [head: string, body: Data | undefined] {
  const bytes = bytesOf(data);
  const end = bytes.subarray(0, MOST_ID + 3).indexOf(SPACE);
  const head = String.fromCharCode(...bytes.subarray(1, end < 0 ? MOST_ID + 4 : end));
  if (end < 0) return [head, undefined];
  return [head, data instanceof ArrayBuffer ? data.slice(end + 1) : bytes.subarray(end + 1)];
}

function bytesOf(data: Exclude<Data, string>): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** The mark, ASCII text, and bytes. */
function marked(head: string, bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(1 + head.length + bytes.length);
  whole[0] = MARK_BYTE;
  for (let i = 0; i < head.length; i++) whole[i + 1] = head.charCodeAt(i);
  whole.set(bytes, 1 + head.length);
  return whole;
}
