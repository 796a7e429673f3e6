import { type Resume, VERSION, type Welcome } from './frames.js';

/** What a client knows of its session: how to ask for it again, and what the server said about it. */
export class Ticket {
  /** The session's public id. */
  readonly id: string;
  /** The subprotocol chosen of the application's own. */
  inner = '';
  /** The longest message that the server takes, and its longest silence. */
  maxPayload = Number.POSITIVE_INFINITY;
  maxSilence = Number.POSITIVE_INFINITY;
  readonly #key: string;
  /** Number of the last RESUME: it strictly increases. */
  #resumes = 0;

  /** By the WELCOME to a new session. */
  constructor({ s, k }: Welcome) {
    this.id = s;
    this.#key = k as string;
  }

  /** Every WELCOME says it all. */
  learn({ p, z, h }: Welcome): void {
    this.inner = p ?? '';
    this.maxPayload = z;
    this.maxSilence = h;
  }

  /** A RESUME with the next attempt number. `held`: it shall not switch yet. */
  resume({ r, c }: Pick<Resume, 'r' | 'c'>, held: boolean): Resume {
    const frame = { letter: 'R', v: VERSION, s: this.id, k: this.#key, n: ++this.#resumes, r, c } as const;
    return held ? { ...frame, h: 1 } : frame;
  }
}
