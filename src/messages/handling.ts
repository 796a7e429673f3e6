import { LongSocketError, wordsOf } from '../core/errors.js';
import type { Data } from '../core/types.js';
import { type Abort, abortController } from '../socket/abort.js';
import type { Backstage } from '../socket/backstage.js';
import { type Codec, decodeWith, encodeWith } from '../socket/codec.js';
import { isolate, type ListenerErrorHandler, reportListenerError } from '../socket/listeners.js';
import { type Envelope, envelope, malformed } from './envelope.js';
import { type AnySchema, validated } from './schema.js';

/** Options of a handler. */
export interface HandleOptions<Schema extends AnySchema = AnySchema> {
  /** What a request has to fit, and what types it; one that does not is refused. @default none: it is not checked */
  readonly schema?: Schema | undefined;
  /** Tell the requester the message of what the handler throws, rather than that it failed alone. @default false */
  readonly reportErrors?: boolean | undefined;
  /** Told of what the handler throws, or returns that cannot be sent. @default a warning, never a crash */
  readonly onError?: ListenerErrorHandler | undefined;
}

/** What a handler is told beside the request. */
export interface RequestContext {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: Abort;
}

/** The application's handler, and how it wants to be called. */
export interface Handler extends HandleOptions {
  call(data: unknown, context: RequestContext): unknown;
}

type Work = ReturnType<typeof abortController>;

/** The peer's requests that this end is handling. */
export class Handling {
  handler: Handler | undefined;
  readonly #backstage: Backstage;
  readonly #codec: Codec<unknown, unknown>;
  readonly #most: number;
  readonly #work = new Map<string, Work>();
  /**
   * Handlers that are not done, and answers that wait for room. What nobody wants any more counts too: else a peer that takes
   * back each request at once would have any number of them handled.
   */
  #busy = 0;

  constructor(backstage: Backstage, codec: Codec<unknown, unknown>, most: number) {
    this.#backstage = backstage;
    this.#codec = codec;
    this.#most = most;
  }

  /** A request. Throws `INVALID_MESSAGE` if it cannot be read. */
  asked({ id, body }: Envelope, data: Data): void {
    const { handler } = this;
    if (this.#work.has(id)) throw malformed(data);
    if (!handler) this.#refuse(id, 'none');
    else if (this.#busy >= this.#most) this.#refuse(id, 'busy');
    else {
      const work = abortController();
      const request = this.#read(id, body, handler.schema, data);
      this.#work.set(id, work);
      this.#busy++;
      void this.#answer(id, work, handler, request);
    }
  }

  #read(id: string, body: Data | undefined, schema: AnySchema | undefined, data: Data): unknown {
    try {
      const request = body === undefined ? undefined : decodeWith(this.#codec, body);
      return schema ? validated(schema, request) : request;
    } catch (error) {
      this.#refuse(id, 'invalid');
      const { code, message, cause } = error as LongSocketError;
      throw new LongSocketError(code, `a request cannot be read: ${message}`, { cause, data });
    }
  }

  /** Never rejects. */
  async #answer(id: string, work: Work, handler: Handler, request: unknown): Promise<void> {
    let answer: Data | undefined;
    try {
      const result = await handler.call(request, { signal: work.signal });
      answer = envelope('A', id, result === undefined ? undefined : encodeWith(this.#codec, result));
    } catch (error) {
      // If nobody waits for it, it was told so.
      if (this.#work.get(id) === work) answer = this.#failure(id, handler, error);
    }
    const finish = (): void => this.#finish(id, work);
    if (answer === undefined || this.#work.get(id) !== work) finish();
    else {
      this.#backstage.write(answer, {
        resolve: finish,
        reject: (error) => {
          // Too long, say. Nobody waits if the socket is closed.
          if (error.code === 'CLOSED') finish();
          else this.#backstage.write(this.#failure(id, handler, error), { resolve: finish, reject: finish });
        },
      });
    }
  }

  #failure(id: string, { reportErrors = false, onError = reportListenerError }: Handler, error: unknown): Data {
    isolate(onError, error, reportListenerError);
    return envelope('E', id, reportErrors ? `handler ${wordsOf(error)}` : 'handler');
  }

  #finish(id: string, work: Work): void {
    this.#busy--;
    if (this.#work.get(id) === work) this.#work.delete(id);
  }

  /** What a flood is answered with must not pile up: if there is no room for it, it is not sent. */
  #refuse(id: string, reason: 'none' | 'busy' | 'invalid'): void {
    this.#backstage.offer(envelope('E', id, reason));
  }

  /** The requester does not wait any more. */
  cancel(id: string): void {
    const work = this.#work.get(id);
    this.#work.delete(id);
    work?.abort();
  }

  /** Nobody waits any more. */
  cancelAll(): void {
    for (const id of [...this.#work.keys()]) this.cancel(id);
  }

  /** The requester asks for these: those that are not at work here will never be answered. */
  inquired(ids: readonly string[]): void {
    const [id, ...others] = ids.filter((id) => !this.#work.has(id));
    if (id !== undefined) this.#backstage.offer(envelope('L', id, others.join(' ') || undefined));
  }
}
