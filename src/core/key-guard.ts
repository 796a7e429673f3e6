import type { Resume } from './frames.js';

/** After so many wrong keys a source gets no answer for that session for so long, in ms. */
const MOST_FAILURES = 5;
export const KEY_PENALTY = 60_000;
/** Whose failures are remembered, at the most. */
const MOST_SOURCES = 10_000;

/** Compares keys with what is kept of them, and remembers who tries wrong ones. */
export class KeyGuard {
  readonly #hash: (key: string) => string;
  /** By session and source, the oldest first. */
  readonly #failures = new Map<string, { count: number; until: number }>();

  constructor(hash: (key: string) => string) {
    this.#hash = hash;
  }

  /** Whether a RESUME has the key of its session. */
  fits({ s, k }: Resume, keyHash: string, source: string | undefined, now: number): boolean {
    if (equal(this.#hash(k), keyHash)) return true;
    if (source === undefined) return false;
    const name = `${s} ${source}`;
    const { count } = this.#failures.get(name) ?? { count: 0 };
    this.#failures.delete(name);
    this.#failures.set(name, { count: count + 1, until: now + KEY_PENALTY });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MOST_SOURCES) this.#failures.delete(oldest as string);
    return false;
  }

  /** Whether it has tried too often. Whole offices share an address: only this session is kept from them. */
  punishes(session: string, source: string | undefined, now: number): boolean {
    if (source === undefined) return false;
    const name = `${session} ${source}`;
    const failures = this.#failures.get(name);
    if (!failures || now < failures.until) return failures !== undefined && failures.count >= MOST_FAILURES;
    this.#failures.delete(name);
    return false;
  }
}

/** In a time that does not depend on where they differ. */
export function equal(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
