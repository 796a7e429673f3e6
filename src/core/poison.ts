import type { Ending } from './types.js';

/** So many connections in a row that end with the same message at their head are no accident. */
const MOST_ENDS = 10;
/** So many, if the close code says that it was too big. */
const TOO_BIG = 1009;
const MOST_TOO_BIG = 3;

/** Watches for the message that ends every connection it is sent on: sent again, it would end the next as well. */
export class Poison {
  /** The message at the head of the last connections that ended, and how many did. */
  #number = 0;
  #ends = 0;
  #tooBig = 0;

  /** A connection ended while this message was sent and not acked. Says what is wrong, if it is this message. */
  suspect(number: number, { code }: Ending): string | undefined {
    if (number !== this.#number) this.#ends = this.#tooBig = 0;
    this.#number = number;
    this.#ends++;
    if (code === TOO_BIG) this.#tooBig++;
    if (this.#ends < MOST_ENDS && this.#tooBig < MOST_TOO_BIG) return undefined;
    return `message ${number} of the session ended ${this.#ends} connections in a row`;
  }

  /** The peer has received all up to this one. */
  arrived(number: number): void {
    if (number >= this.#number) this.#number = this.#ends = this.#tooBig = 0;
  }
}
