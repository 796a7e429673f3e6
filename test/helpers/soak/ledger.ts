/**
 * The oracle of the tests that cut, stall and kill: every message carries its number, and the whole message follows from
 * it, so a receiver knows what it must get next and finds what was lost, repeated, overtaken or damaged.
 */

/** What a {@link Ledger} has seen; plain data, since it crosses processes. */
export interface Account {
  readonly received: number;
  /** The highest number that came. */
  readonly highest: number;
  /** Numbers below the highest that never came. */
  readonly missing: number;
  readonly duplicates: number;
  /** Came after a higher one. */
  readonly late: number;
  /** Are not what their number says. */
  readonly damaged: number;
  /** The first few violations, for the report of a failure. */
  readonly examples: readonly string[];
  /** Silences of the peer longer than {@link noteworthy}, as ms since the epoch. */
  readonly gaps: readonly Gap[];
}

export interface Gap {
  readonly from: number;
  readonly to: number;
}

export type Wire = string | Uint8Array;

/** Silences up to this long, in ms, are those of timers and schedulers. */
const noteworthy = 100;

const dle = '\u0010';
const padding = '·'.repeat(24);

/** Message number `n`: mostly short text, some of it with a head that looks like a control frame, and some bytes. */
export function message(n: number): Wire {
  if (n % 7 === 0) {
    const bytes = new Uint8Array(24 + (n % 40)).fill(n % 251);
    new DataView(bytes.buffer).setFloat64(0, n);
    return bytes;
  }
  const text = `${n} ${padding.slice(n % 24)}`;
  return n % 11 === 0 ? `${dle}${n % 2 === 0 ? dle : 'A'}${text}` : text;
}

/** The number of a message; undefined if it is no intact message. */
export function numberOf(data: unknown): number | undefined {
  const n =
    typeof data === 'string'
      ? Number.parseInt(data.slice(data.startsWith(dle) ? 2 : 0), 10)
      : firstNumber(bytesOf(data) ?? new Uint8Array());
  return Number.isSafeInteger(n) && n > 0 && equal(message(n), data) ? n : undefined;
}

function firstNumber(bytes: Uint8Array): number {
  return bytes.length < 8 ? 0 : new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getFloat64(0);
}

function bytesOf(data: unknown): Uint8Array | undefined {
  if (data instanceof Uint8Array) return data;
  return data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
}

function equal(expected: Wire, data: unknown): boolean {
  if (typeof expected === 'string') return expected === data;
  const bytes = bytesOf(data);
  return bytes?.length === expected.length && bytes.every((byte, index) => byte === expected[index]);
}

export class Ledger {
  #received = 0;
  #highest = 0;
  #duplicates = 0;
  #late = 0;
  #damaged = 0;
  #lastAt: number | undefined;
  readonly #missing = new Set<number>();
  readonly #examples: string[] = [];
  readonly #gaps: Gap[] = [];

  receive(data: unknown): void {
    this.#received += 1;
    this.#clock();
    const n = numberOf(data);
    if (n === undefined) {
      this.#damaged += 1;
      this.#note(`damaged: ${typeof data === 'string' ? JSON.stringify(data.slice(0, 40)) : Object(data).byteLength}`);
    } else if (n > this.#highest) {
      if (n > this.#highest + 1) this.#note(`${n} came after ${this.#highest}`);
      // A jump of millions is a fault as well, but must not eat the memory of the process that finds it.
      for (let skipped = this.#highest + 1; skipped < n && this.#missing.size < 1_000_000; skipped++) {
        this.#missing.add(skipped);
      }
      this.#highest = n;
    } else if (this.#missing.delete(n)) {
      this.#late += 1;
      this.#note(`${n} came after ${this.#highest}`);
    } else {
      this.#duplicates += 1;
      this.#note(`${n} came again after ${this.#highest}`);
    }
  }

  get account(): Account {
    return {
      received: this.#received,
      highest: this.#highest,
      missing: this.#missing.size,
      duplicates: this.#duplicates,
      late: this.#late,
      damaged: this.#damaged,
      examples: this.#examples,
      gaps: this.#gaps,
    };
  }

  /** From here on the peer is silent on purpose. */
  rest(): void {
    this.#lastAt = undefined;
  }

  #clock(): void {
    const now = Date.now();
    if (this.#lastAt !== undefined && now - this.#lastAt > noteworthy) this.#gaps.push({ from: this.#lastAt, to: now });
    this.#lastAt = now;
  }

  #note(example: string): void {
    if (this.#examples.length < 10) this.#examples.push(example);
  }
}

/** What is wrong with an account of `sent` messages, in words: nothing, if each came once and in order. */
export function faultsOf(sent: number, account: Account): string[] {
  const lost = account.missing + Math.max(0, sent - account.highest);
  const faults = [
    [lost, 'lost'],
    [account.duplicates, 'duplicated'],
    [account.late, 'out of order'],
    [account.damaged, 'damaged'],
    [Math.max(0, account.highest - sent), 'never sent'],
  ] as const;
  const found = faults.filter(([count]) => count > 0).map(([count, what]) => `${count} of ${sent} ${what}`);
  return found.length > 0 ? [...found, ...account.examples] : [];
}
