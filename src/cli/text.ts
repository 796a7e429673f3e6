import type { Data } from '../core/types.js';

/** Characters that a terminal obeys rather than shows, or that turn the order of the others around. */
const COMMANDS = /[\p{Cc}\p{Bidi_C}]/gu;

/** What came from elsewhere, safe to show: `\x1b` for an escape character. `kept`: characters that may stay, such as line ends. */
export const visible = (text: string, kept = ''): string =>
  text.replace(COMMANDS, (character) => (kept.includes(character) ? character : escaped(character)));

const escaped = (character: string): string => unicode(character).replace(/^\\u00/, '\\x');

/** One value as one line of JSON, in which nothing is left that a terminal would obey. */
export const jsonLine = (value: unknown, replacer?: (key: string, value: unknown) => unknown): string =>
  `${JSON.stringify(value, replacer).replace(COMMANDS, unicode)}\n`;

const unicode = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A message as JSON: `data` for text, `base64` for bytes. */
export const jsonMessage = (data: Data): { readonly data: string } | { readonly base64: string } =>
  typeof data === 'string' ? { data } : { base64: bufferOf(data).toString('base64') };

export const hexOf = (data: Exclude<Data, string>): string => bufferOf(data).toString('hex');

/** The bytes that a line of hex stands for (`68 65`, `6865`); `undefined` if it is something else. */
export function bytesOfHex(line: string): Uint8Array | undefined {
  const digits = line.replace(/\s+/g, '');
  return /^([0-9a-f]{2})*$/i.test(digits) ? new Uint8Array(Buffer.from(digits, 'hex')) : undefined;
}

const bufferOf = (data: Exclude<Data, string>): Buffer =>
  ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);

/** A length of time for people. */
export const duration = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
