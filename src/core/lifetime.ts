/** So many ends at the same age, give or take `TOLERANCE`, make a limit. */
const OBSERVATIONS = 3;
const TOLERANCE = 0.02;
/** Silence for this share of the age means that the silence was cut, not the age. */
const IDLE_SHARE = 0.9;
/**
 * After so many rotations what was learned is doubted: it may have been chance, or over. Each time that it proves true, the next
 * doubt comes after twice as many.
 */
const DOUBT_AFTER = 10;
/** What was learned and doubted up to here, in ms, is forgotten. */
const LONGEST = 86_400_000;
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
  /** Connections that were to be replaced because of what was learned. */
  #rotations = 0;
  #doubtAfter = DOUBT_AFTER;
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
    if (age > 2 * this.idle) this.idle *= 2;
    if (age < SHORTEST) return;
    this.#ends.push({ age, silence });
    if (this.#ends.length > OBSERVATIONS) this.#ends.shift();
    const ages = this.#ends.map((end) => end.age);
    const [least, most] = [Math.min(...ages), Math.max(...ages)];
    if (ages.length < OBSERVATIONS || most - least > 2 * TOLERANCE * least) return;
    const silent = this.#ends.every((end) => end.silence >= IDLE_SHARE * end.age);
    if (silent) this.idle = Math.min(this.idle, Math.min(...this.#ends.map((end) => end.silence)));
    else if (least < this.#learned) {
      this.#doubtAfter *= this.#rotations > 0 ? 2 : 1;
      this.#learned = least;
    }
    this.#rotations = 0;
  }

  /**
   * When to rotate, in ms from the connection's beginning: at a random moment in the last fifth of what is allowed, but
   * early enough for two dials.
   */
  rotateAfter(connectTimeout: number, random: () => number): number {
    if (this.limit === this.#learned && ++this.#rotations > this.#doubtAfter) this.#doubt();
    const { limit } = this;
    if (limit === Number.POSITIVE_INFINITY) return limit;
    const reserve = Math.min(2 * connectTimeout, limit / 2);
    return Math.min((0.8 + 0.12 * random()) * limit, limit - reserve);
  }

  /** A limit that is real shows again, by one more end at that age; one that is not would cost rotations for ever. */
  #doubt(): void {
    this.#learned = this.#learned * 2 > LONGEST ? Number.POSITIVE_INFINITY : this.#learned * 2;
  }

  /** How long the dial of the next connection may take, in ms. */
  handoverLimit(connectTimeout: number): number {
    return Math.min(connectTimeout, this.limit / 4);
  }
}
