import { byteLength } from '../core/outbox.js';
import { domException, type PlatformBlob, platform } from './platform.js';
import { clampedShort, usvString } from './web-idl.js';

/** The constructor's arguments as the standard takes them: both are converted before either is looked at. Throws a `SyntaxError`. */
export function parseArguments(url: unknown, protocols: unknown): [url: Address, protocols: readonly string[]] {
  const text = usvString(url);
  const list = sequence(protocols);
  const parsed = parseUrl(text);
  checkProtocols(list);
  return [parsed, list];
}

/** What is known of a URL that can be dialed. */
export interface Address {
  readonly href: string;
  readonly origin: string;
}

function parseUrl(text: string): Address {
  const { URL } = globalThis as unknown as { URL: new (url: string, base?: string) => ParsedUrl };
  const refuse = (why: string): Error => domException('SyntaxError', `The URL ${JSON.stringify(text)} ${why}.`);
  let url: ParsedUrl;
  try {
    url = new URL(text, platform.document?.baseURI ?? platform.location?.href);
  } catch {
    throw refuse('is invalid');
  }
  url.protocol = url.protocol.replace(/^http/, 'ws');
  if (!/^wss?:$/.test(url.protocol)) throw refuse("must have the scheme 'ws', 'wss', 'http' or 'https'");
  // An empty one too, of which only this shows.
  if (url.href.includes('#')) throw refuse('must not have a fragment');
  return { href: url.href, origin: url.origin };
}

interface ParsedUrl {
  protocol: string;
  readonly href: string;
  readonly origin: string;
}

/** `(DOMString or sequence<DOMString>)` */
function sequence(argument: unknown): readonly string[] {
  const isSequence = typeof argument === 'object' && argument !== null && Symbol.iterator in argument;
  return Array.from(isSequence ? (argument as Iterable<unknown>) : [argument], (item) => `${item as string}`);
}

function checkProtocols(protocols: readonly string[]): void {
  const seen = new Set<string>();
  for (const protocol of protocols) {
    // A token (RFC 6455 §4.1, RFC 9110 §5.6.2).
    if (!/^[!#$%&'*+.^`|~\w-]+$/.test(protocol)) {
      throw domException('SyntaxError', `The subprotocol ${JSON.stringify(protocol)} is invalid.`);
    }
    if (seen.has(protocol)) {
      throw domException('SyntaxError', `The subprotocol ${JSON.stringify(protocol)} is duplicated.`);
    }
    seen.add(protocol);
  }
}

/** The arguments of `close()`; 1005 for no code. Throws an `InvalidAccessError` or a `SyntaxError`. */
export function parseClose(code: unknown, reason: unknown): { readonly code: number; readonly reason: string } {
  const given = code === undefined ? undefined : clampedShort(code);
  const text = reason === undefined ? '' : usvString(reason);
  if (given !== undefined && given !== 1000 && !(given >= 3000 && given <= 4999)) {
    throw domException('InvalidAccessError', `The close code must be 1000, or from 3000 to 4999, not ${given}.`);
  }
  const bytes = byteLength(text);
  if (bytes > 123) throw domException('SyntaxError', `The close reason must have at most 123 bytes, not ${bytes}.`);
  // A reason stands behind a code in the frame (RFC 6455 §5.5.1).
  return { code: given ?? (text === '' ? 1005 : 1000), reason: text };
}

/** What can be sent, once it is converted. */
export type Message = string | ArrayBufferView | PlatformBlob;

const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** Of any realm, since frames and virtual machines have classes of their own. */
export function isBlob(value: unknown): value is PlatformBlob {
  return /^(Blob|File)$/.test(kindOf(value)) && typeof (value as { arrayBuffer?: unknown }).arrayBuffer === 'function';
}

/** The argument of `send()`: `(BufferSource or Blob or USVString)`. Throws a TypeError. */
export function parseMessage(value: unknown): Message {
  if (typeof value === 'string') return usvString(value);
  if (typeof value === 'object' && value !== null) {
    if (ArrayBuffer.isView(value)) return checkedView(value);
    if (kindOf(value) === 'ArrayBuffer') return checkedView(new Uint8Array(value as ArrayBuffer));
    if (isBlob(value)) return value;
  }
  return usvString(value);
}

/** Web IDL (§3.2.25): a buffer that others can change or resize meanwhile is taken only where that is asked for. */
function checkedView(view: ArrayBufferView): ArrayBufferView {
  const { buffer } = view;
  if (kindOf(buffer) === 'SharedArrayBuffer') throw new TypeError('send: the view must not be of a SharedArrayBuffer.');
  if ((buffer as { resizable?: boolean }).resizable) throw new TypeError('send: the buffer must not be resizable.');
  return view;
}
