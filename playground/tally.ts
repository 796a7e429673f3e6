/**
 * The numbers that one end says, as the other end hears them: 1, 2, 3 … What is missing, what comes twice and what comes
 * late shows. Both ends count with this same code.
 */

/** When what arrives counts as late, in ms: far more than the network takes. */
const lateAfter = 1000;
/** What arrives within this time of trouble belongs to it, in ms. */
const sameTrouble = 400;
/** How far back trouble is remembered, in ms. */
const memory = 65_000;

/** A pause in what arrives, and what became of the numbers that were said in it. */
export interface Trouble {
  /** Of `Date.now()`, as all times here: the last arrival before it, and the last that belongs to it. */
  readonly from: number;
  readonly to: number;
  /** Numbers that were skipped. */
  readonly lost: number;
  readonly late: number;
}

export interface Heard {
  readonly arrived: number;
  /** Skipped: a later number has come, and this one has not. */
  readonly lost: number;
  readonly duplicated: number;
  /** Came behind a later one. */
  readonly disordered: number;
  /** The longest that any took, in ms. */
  readonly longest: number;
  readonly troubles: readonly Trouble[];
}

export class Tally {
  arrived = 0;
  duplicated = 0;
  disordered = 0;
  longest = 0;
  #troubles: Trouble[] = [];
  #last = 0;
  #lastArrival = Date.now();
  readonly #missing = new Set<number>();

  get lost(): number {
    return this.#missing.size;
  }

  /** Takes a number in, and when it was said. */
  add({ number, saidAt }: Spoken, now = Date.now()): void {
    const skipped = Math.max(0, number - this.#last - 1);
    const delay = Math.max(0, now - saidAt);
    for (let missing = this.#last + 1; missing < number; missing += 1) this.#missing.add(missing);
    if (number > this.#last) {
      this.#last = number;
      this.arrived += 1;
    } else if (this.#missing.delete(number)) {
      this.disordered += 1;
      this.arrived += 1;
    } else {
      this.duplicated += 1;
    }
    this.longest = Math.max(this.longest, delay);
    const late = delay > lateAfter ? 1 : 0;
    if (skipped + late > 0) this.#trouble(skipped, late, now);
    this.#lastArrival = now;
  }

  #trouble(lost: number, late: number, now: number): void {
    const before = this.#troubles.at(-1);
    if (before && now - before.to < sameTrouble) {
      this.#troubles.pop();
      this.#troubles.push({ from: before.from, to: now, lost: before.lost + lost, late: before.late + late });
    } else {
      this.#troubles = this.#troubles.filter(({ to }) => to > now - memory);
      this.#troubles.push({ from: this.#lastArrival, to: now, lost, late });
    }
  }

  get heard(): Heard {
    const { arrived, lost, duplicated, disordered, longest } = this;
    return { arrived, lost, duplicated, disordered, longest, troubles: this.#troubles };
  }
}

export interface Spoken {
  readonly number: number;
  readonly saidAt: number;
}

/** A number as a message: `#12 at 1700000000000`. Both ends have the same clock, that of your machine. */
export function spoken(number: number): string {
  return `#${number} at ${Date.now()}`;
}

export function parseSpoken(data: unknown): Spoken | undefined {
  const [, number, saidAt] = (typeof data === 'string' && /^#(\d+) at (\d+)$/.exec(data)) || [];
  return number === undefined ? undefined : { number: Number(number), saidAt: Number(saidAt) };
}
