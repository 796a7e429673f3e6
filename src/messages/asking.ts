import { closedError, LongSocketError } from '../core/errors.js';
import type { Data, Ending } from '../core/types.js';
import type { AbortLike } from '../socket/abort.js';
import type { Backstage } from '../socket/backstage.js';
import { type Codec, decodeWith, encodeWith } from '../socket/codec.js';
import { type Envelope, envelope } from './envelope.js';
import { type AnySchema, validated } from './schema.js';

/** Options of one request. */
export interface RequestOptions<Schema extends AnySchema = AnySchema> {
  /** How long to wait for the answer, in ms; then `REQUEST_TIMEOUT`. `Infinity`: for ever. @default that of `requests()`: 30000 */
  readonly timeout?: number | undefined;
  /** Gives up when aborted: `ABORTED` here, and the peer's handler is told. @default none */
  readonly signal?: AbortLike | undefined;
  /** What the answer has to fit, and what types it. @default none: it is not checked */
  readonly schema?: Schema | undefined;
}

/** A request without an answer yet. */
interface Pending {
  readonly schema: AnySchema | undefined;
  /** Accepted by the socket; before that, it waits for room in the buffer. */
  accepted: boolean;
  /** Until then. */
  takeBack?(): void;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

export interface AskingConfig {
  readonly codec: Codec<unknown, unknown>;
  readonly timeout: number;
  readonly maxPending: number;
}

/** The requests of this end that have no answer yet. */
export class Asking {
  readonly #config: AskingConfig;
  readonly #backstage: Backstage;
  readonly #pending = new Map<string, Pending>();
  /** Ids of another socket's requests, whose answers may still be on their way to this end, are different ones. */
  readonly #prefix: string;
  #count = 0;
  /** A question about pending requests waits to be accepted. */
  #inquires = false;

  constructor(backstage: Backstage, config: AskingConfig) {
    this.#backstage = backstage;
    this.#config = config;
    const digits = (): string => Math.floor(backstage.random() * 2 ** 32).toString(36);
    this.#prefix = `${digits()}${digits()}-`;
  }

  get pending(): number {
    return this.#pending.size;
  }

  request(data: unknown, { timeout = this.#config.timeout, signal, schema }: RequestOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw aborted(signal);
      const { codec, maxPending } = this.#config;
      if (this.#pending.size >= maxPending) {
        throw new LongSocketError(
          'QUOTA_EXCEEDED',
          `${maxPending} requests have no answer yet: wait for some of them, or see \`maxPending\``,
        );
      }
      const body = data === undefined ? undefined : encodeWith(codec, data);
      const id = `${this.#prefix}${(++this.#count).toString(36)}`;
      this.#send(id, body, this.#track(id, { schema, accepted: false, resolve, reject }, timeout, signal));
    });
  }

  /** From now on it is pending, until it is settled in whatever way. */
  #track(id: string, request: Pending, timeout: number, signal: AbortLike | undefined): Pending {
    const { clock } = this.#backstage;
    const onAbort = (): void => this.#giveUp(id, aborted(signal as AbortLike));
    const late = (): void =>
      this.#giveUp(id, new LongSocketError('REQUEST_TIMEOUT', `no answer came within ${timeout} ms`));
    const timer = timeout === Number.POSITIVE_INFINITY ? undefined : clock.setTimer(late, timeout);
    signal?.addEventListener('abort', onAbort);
    const settle = (): void => {
      this.#pending.delete(id);
      if (timer !== undefined) clock.clearTimer(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const pending: Pending = {
      ...request,
      resolve: (answer) => {
        settle();
        request.resolve(answer);
      },
      reject: (error) => {
        settle();
        request.reject(error);
      },
    };
    this.#pending.set(id, pending);
    return pending;
  }

  #send(id: string, body: Data | undefined, request: Pending): void {
    request.takeBack = this.#backstage.write(envelope('Q', id, body), {
      resolve: () => {
        request.accepted = true;
        // It was given up in the very step in which it was accepted.
        if (!this.#pending.has(id)) this.#cancel(id);
      },
      reject: request.reject,
    });
  }

  #giveUp(id: string, error: LongSocketError): void {
    const request = this.#pending.get(id);
    request?.reject(error);
    if (request?.accepted) this.#cancel(id);
    else request?.takeBack?.();
  }

  /** Waits for room if need be, as there was room for the request once: these cannot pile up. */
  #cancel(id: string): void {
    this.#backstage.write(envelope('C', id), { resolve: () => {}, reject: () => {} });
  }

  // --- what the peer says ------------------------------------------------------------------------------------------

  /** An answer, or one that is not wanted any more. */
  answered({ id, body }: Envelope): void {
    const request = this.#pending.get(id);
    if (!request) return;
    try {
      const answer = body === undefined ? undefined : decodeWith(this.#config.codec, body);
      request.resolve(request.schema ? validated(request.schema, answer) : answer);
    } catch (error) {
      request.reject(withData(error, body));
    }
  }

  failed({ id, body }: Envelope): void {
    this.#pending.get(id)?.reject(failure(typeof body === 'string' ? body : ''));
  }

  /** The peer does not know these. */
  unknown(ids: readonly string[]): void {
    for (const id of ids) {
      this.#pending.get(id)?.reject(lost('the peer does not know of it: another server has taken over, say'));
    }
  }

  // --- what becomes of the socket ----------------------------------------------------------------------------------

  /** Of what was accepted so far, nobody knows any more. */
  lose(why: string, ending?: Ending): void {
    for (const request of [...this.#pending.values()]) if (request.accepted) request.reject(lost(why, ending));
  }

  close(ending: Ending): void {
    const error = closedError();
    for (const { reject } of [...this.#pending.values()])
      reject(new LongSocketError('CLOSED', error.message, { ending }));
  }

  /** Another server may have taken over, and know nothing of them. */
  inquire(): void {
    const [id, ...others] = [...this.#pending].filter(([, { accepted }]) => accepted).map(([id]) => id);
    if (id === undefined || this.#inquires) return;
    this.#inquires = true;
    const done = (): void => {
      this.#inquires = false;
    };
    this.#backstage.write(envelope('H', id, others.join(' ') || undefined), { resolve: done, reject: done });
  }
}

const aborted = ({ reason }: AbortLike): LongSocketError =>
  new LongSocketError('ABORTED', 'the request was aborted', { cause: reason });

const lost = (why: string, ending?: Ending): LongSocketError =>
  new LongSocketError('REQUEST_LOST', `nobody knows whether the request was handled: ${why}`, { ending });

/** What a schema finds wrong with an answer is told with the answer. */
function withData(error: unknown, data: Data | undefined): unknown {
  if (!(error instanceof LongSocketError) || error.data !== undefined) return error;
  const { code, message, cause } = error;
  return new LongSocketError(code, message, { cause, data });
}

/** Why there is no answer, in one word, and what a handler threw, if it is told. */
function failure(body: string): LongSocketError {
  const end = body.indexOf(' ');
  const refusal = REFUSALS.get(end < 0 ? body : body.slice(0, end));
  if (refusal) return new LongSocketError('REQUEST_REFUSED', refusal);
  const text = end < 0 ? '' : `: ${body.slice(end + 1, end + 1 + MOST_TEXT)}`;
  return new LongSocketError('REQUEST_FAILED', `the peer's handler failed${text}`);
}

/** Whoever fails may say why, but not at any length. */
const MOST_TEXT = 1000;

const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['none', 'the peer handles no requests'],
  ['busy', 'the peer has as many requests to handle as it takes: try again later'],
  ['invalid', 'the peer cannot read the request, or it does not fit its schema'],
]);
