import { LongSocketError, wordsOf } from '../core/errors.js';
import type { Data } from '../core/types.js';
import { dataOf } from './guard.js';

/** How messages become what is sent, and the other way round. Both functions answer at once, and may throw. */
export interface Codec<In, Out = In> {
  /** What is sent of a message: text or bytes. What it throws, `send()` throws, and nothing is queued. */
  encode(message: Out): Data;
  /** The message of what came. What it throws is an `error` event with the data; nothing else is lost. */
  decode(data: Data): In;
}

/** Text or bytes, or the error that says what it is instead. */
export function checkedData(data: unknown): Data {
  const checked = dataOf(data);
  if (checked !== undefined) return checked;
  const kind = Object.prototype.toString.call(data).slice(8, -1);
  throw new LongSocketError(
    'INVALID_MESSAGE',
    `a message is text, an ArrayBuffer or a view of one, got ${kind}: use a codec, JSON.stringify, or await blob.arrayBuffer()`,
  );
}

/** What is sent of a message. Throws `INVALID_MESSAGE`, whatever the codec throws. */
export function encodeWith<Out>(codec: Codec<unknown, Out>, message: Out): Data {
  let data: unknown;
  try {
    data = codec.encode(message);
  } catch (error) {
    throw codecError('encode', error);
  }
  const checked = dataOf(data);
  if (checked !== undefined) return checked;
  forgetPromise(data);
  const kind = Object.prototype.toString.call(data).slice(8, -1);
  throw new LongSocketError('INVALID_MESSAGE', `the codec made ${kind} of a message, not text or bytes`);
}

/** The message of what came. Throws `INVALID_MESSAGE` with the data on it, whatever the codec throws. */
export function decodeWith<In>(codec: Codec<In, never>, data: Data): In {
  let message: In;
  try {
    message = codec.decode(data);
  } catch (error) {
    throw codecError('decode', error, data);
  }
  if (!forgetPromise(message)) return message;
  throw new LongSocketError('INVALID_OPTION', 'option `codec` must decode at once, and not return a promise', { data });
}

/** Whether a codec that should have answered at once has promised to; what becomes of that must not end the process. */
function forgetPromise(value: unknown): boolean {
  const promise = value as { then?: unknown } | null | undefined;
  if (typeof promise !== 'object' || typeof promise?.then !== 'function') return false;
  Promise.resolve(promise).catch(() => {});
  return true;
}

function codecError(what: 'encode' | 'decode', error: unknown, data?: Data): LongSocketError {
  const own = error instanceof LongSocketError;
  const code = own ? error.code : 'INVALID_MESSAGE';
  const detail = wordsOf(error);
  const message = own ? detail : `the codec cannot ${what} a message: ${detail}`;
  return new LongSocketError(code, message, { cause: own ? error.cause : error, data });
}
