import { LongSocketError } from '../core/errors.js';
import type { Data } from '../core/types.js';
import { backstage } from '../socket/backstage.js';
import type { Codec } from '../socket/codec.js';
import { checks, invalid, socketChecks, validate } from '../socket/options.js';
import type { Socket } from '../socket/socket.js';
import { Asking, type RequestOptions } from './asking.js';
import { escaped, idsOf, ordinary, parse } from './envelope.js';
import { type HandleOptions, type Handler, Handling, type RequestContext } from './handling.js';
import { json } from './json.js';
import { type AnySchema, type OutputOf, schemaCheck } from './schema.js';

/** Options of all requests of a socket. */
export interface RequestsOptions {
  /** What requests and answers are, whatever the socket's messages are. The same at both ends. @default `json()` */
  // biome-ignore lint/suspicious/noExplicitAny: of whatever types
  readonly codec?: Codec<any, any> | undefined;
  /** How long a request waits for its answer, in ms, if it does not say; `Infinity`: for ever. @default 30000 */
  readonly timeout?: number | undefined;
  /** Most requests without an answer; one more is `QUOTA_EXCEEDED`. @default 1024 */
  readonly maxPending?: number | undefined;
  /**
   * Most requests of the peer that are handled at once; one more is refused. One that was taken back counts until its handler
   * is done. @default 1024
   */
  readonly maxHandled?: number | undefined;
}

/**
 * Requests of a socket, in both directions.
 *
 * @typeParam Ask What is asked. @typeParam Answer What answers it.
 * @typeParam PeerAsk What the peer asks. @typeParam PeerAnswer What it is answered.
 */
export interface Requests<Ask = unknown, Answer = unknown, PeerAsk = Ask, PeerAnswer = Answer> {
  /**
   * Asks the peer, and resolves with what its handler returns. Waits, as `write` does, while the socket's buffer is full.
   *
   * With a session a request outlives its connections, and is handled once. Without one it does not: when the connection is
   * lost it rejects, since nobody knows what has become of it.
   * @throws LongSocketError (as a rejection) `REQUEST_TIMEOUT`, `ABORTED`, `REQUEST_LOST`, `REQUEST_REFUSED`,
   * `REQUEST_FAILED`, `INVALID_MESSAGE` (the request cannot be encoded, or the answer not be read), `QUOTA_EXCEEDED`,
   * `MESSAGE_TOO_BIG`, `CLOSED`, `INVALID_OPTION`
   */
  request<Schema extends AnySchema>(
    data: Ask,
    options: RequestOptions<Schema> & { readonly schema: Schema },
  ): Promise<OutputOf<Schema>>;
  /** Likewise, with an answer that is not checked. */
  request(data: Ask, options?: RequestOptions): Promise<Answer>;
  /**
   * Answers each request of the peer with what `handler` returns or resolves with; several at once. What it throws goes to
   * `onError`, and ends nothing. Requests that come while there is no handler are refused.
   * @returns a function that stops it; what is being handled is still answered
   * @throws LongSocketError `INVALID_ARGUMENT` if there is a handler already, `INVALID_OPTION`
   */
  handle<Schema extends AnySchema>(
    handler: (data: OutputOf<Schema>, context: RequestContext) => PeerAnswer | Promise<PeerAnswer>,
    options: HandleOptions<Schema> & { readonly schema: Schema },
  ): () => void;
  /** Likewise, with requests that are not checked. */
  handle(
    handler: (data: PeerAsk, context: RequestContext) => PeerAnswer | Promise<PeerAnswer>,
    options?: HandleOptions,
  ): () => void;
  /** Requests of this end without an answer. */
  readonly pending: number;
}

/**
 * Requests and answers over a socket of either end, beside its messages, which see nothing of them. Both ends call it, once for
 * each socket, in the tick in which they get the socket. How it looks on the wire is in REQUESTS.md.
 * @throws LongSocketError `INVALID_OPTION`, or `INVALID_ARGUMENT` if the socket has requests already
 */
export function requests<Ask = unknown, Answer = unknown, PeerAsk = Ask, PeerAnswer = Answer>(
  // biome-ignore lint/suspicious/noExplicitAny: of whatever messages
  socket: Socket<any, any>,
  options: RequestsOptions = {},
): Requests<Ask, Answer, PeerAsk, PeerAnswer> {
  validate(options, requestsChecks, 'requests.');
  const { codec = json(), timeout = 30_000, maxPending = 1024, maxHandled = 1024 } = options;
  const below = socket[backstage]({ ordinary, escape: escaped, take: (data) => take(data) });
  if (!below) throw new LongSocketError('INVALID_ARGUMENT', 'this socket has requests already: call `requests` once');
  const asking = new Asking(below, { codec, timeout, maxPending });
  const handling = new Handling(below, codec, maxHandled);

  const take = (data: Data): void => {
    const envelope = parse(data);
    switch (envelope.kind) {
      case 'Q':
        handling.asked(envelope, data);
        break;
      case 'A':
        asking.answered(envelope);
        break;
      case 'E':
        asking.failed(envelope);
        break;
      case 'C':
        handling.cancel(envelope.id);
        break;
      case 'H':
        handling.inquired(idsOf(envelope));
        break;
      case 'L':
        asking.unknown(idsOf(envelope));
        break;
    }
  };
  follow(socket, asking, handling);

  return {
    async request(data: Ask, options: RequestOptions = {}) {
      validate(options, requestChecks, 'request.');
      return (await asking.request(data, options)) as never;
    },
    // biome-ignore lint/suspicious/noExplicitAny: of whatever types
    handle(handler: (data: any, context: RequestContext) => unknown, options: HandleOptions = {}) {
      validate(options, handleChecks, 'handle.');
      if (typeof handler !== 'function') throw invalid('handle: the handler must be a function', handler);
      if (handling.handler) {
        throw new LongSocketError(
          'INVALID_ARGUMENT',
          'this socket has a handler already: stop it before, or decide in it',
        );
      }
      const own: Handler = { ...options, call: (data, context) => handler(data, context) };
      handling.handler = own;
      return () => {
        if (handling.handler === own) handling.handler = undefined;
      };
    },
    get pending() {
      return asking.pending;
    },
  };
}

/** What becomes of the socket, and of requests with it. */
// biome-ignore lint/suspicious/noExplicitAny: of whatever messages
function follow(socket: Socket<any, any>, asking: Asking, handling: Handling): void {
  socket.on('interrupted', (ending) => {
    // A session goes on.
    if (socket.session !== undefined) return;
    asking.lose('the connection is lost', ending);
    handling.cancelAll();
  });
  socket.on('lost', ({ reason }) => {
    asking.lose(`the session is lost: ${reason}`);
    handling.cancelAll();
  });
  socket.on('open', ({ resumed }) => {
    if (resumed) asking.inquire();
  });
  socket.on('rotated', () => asking.inquire());
  socket.on('close', (ending) => {
    asking.close(ending);
    handling.cancelAll();
  });
}

const requestsChecks = {
  codec: socketChecks.codec,
  timeout: checks.age,
  maxPending: checks.count,
  maxHandled: checks.count,
};

const requestChecks = {
  timeout: checks.age,
  signal: [
    'an AbortSignal',
    (value: unknown) =>
      ['addEventListener', 'removeEventListener'].every((name) => typeof Object(value)[name] === 'function'),
  ],
  schema: schemaCheck,
} as const;

const handleChecks = { schema: schemaCheck, reportErrors: checks.boolean, onError: checks.function };
