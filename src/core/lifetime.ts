/** So many ends at the same age, give or take `TOLERANCE`, make a limit. */
const OBSERVATIONS = 3;
const TOLERANCE = 0.02;
/** Silence for this share of the age means that the silence was cut, not the age. */
const IDLE_SHARE = 0.9;
/** Shorter lives than this, in ms, are no limits but trouble. */
const SHORTEST = 2000;

/**
 * How long connections are allowed to live: told by the server or by an option, or learned from how they ended. Rotation
 * starts before that.
 */
export class Lifetime {
  readonly #configured: number;
  #announced = Number.POSITIVE_INFINITY;
  #learned = Number.POSITIVE_INFINITY;
  /** The longest silence that is allowed, in ms, as far as is known. */
  idle: number = Number.POSITIVE_INFINITY;
  readonly #ends: { readonly age: number; readonly silence: number }[] = [];

  /** @param configured the limit an option gives, in ms; Infinity for none */
  constructor(configured: number) {
    this.#configured = configured;
  }

  /** The age at which a connection has to be over, in ms. */
  get limit(): number {
    return Math.min(this.#configured, this.#announced, this.#learned);
  }

  /** What the server says of its connections. */
  announced(limit: number | undefined): void {
    this.#announced = limit || Number.POSITIVE_INFINITY;
  }

  /** A connection was ended by others at this age, after so much silence, in ms. */
  ended(age: number, silence: number): void {
    if (age < SHORTEST) return;
    this.#ends.push({ age, silence });
    if (this.#ends.length > OBSERVATIONS) this.#ends.shift();
    const ages = this.#ends.map((end) => end.age);
    const [least, most] = [Math.min(...ages), Math.max(...ages)];
    if (ages.length < OBSERVATIONS || most - least > 2 * TOLERANCE * least) return;
    const silent = this.#ends.every((end) => end.silence >= IDLE_SHARE * end.age);
    if (silent) this.idle = Math.min(this.idle, Math.min(...this.#ends.map((end) => end.silence)));
    else this.#learned = Math.min(this.#learned, least);
  }

  /**
   * When to rotate, in ms from the connection's beginning: at a random moment in the last fifth of what is allowed, but
   * early enough for two dials.
   */
  rotateAfter(connectTimeout: number, random: () => number): number {
    const { limit } = this;
    if (limit === Number.POSITIVE_INFINITY) return limit;
    const reserve = Math.min(2 * connectTimeout, limit / 2);
    return Math.min((0.8 + 0.12 * random()) * limit, limit - reserve);
  }

  /** How long the dial of the next connection may take, in ms. */
  handoverLimit(connectTimeout: number): number {
    return Math.min(connectTimeout, this.limit / 4);
  }
}
