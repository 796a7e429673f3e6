/** Who is let in, and as what: the same for upgrade requests and for connections that come without HTTP. */
import { TOKEN } from '../core/frames.js';
import type { Clock } from '../io/clock.js';
import { isolate, reportListenerError } from '../socket/listeners.js';
import type { Transport, UpgradeRequest } from './accept.js';
import type { LongSocketServerOptions } from './options.js';
import type { Visitor } from './session-host.js';
import { after, isPromise, isWelcome, pathOf, protocolsOf } from './upgrade.js';

/** One who asks to be let in. */
export interface Caller<Request> {
  readonly request: Request;
  /** It has gone, or somebody else has answered it. */
  readonly gone: boolean;
  /** Calls back when it goes; returns how to stop that. */
  onGone(left: () => void): () => void;
  /** Answers with an HTTP status. */
  refuse(status: number): void;
  /** Ends it without an answer. */
  drop(): void;
  /** Leaves it waiting for an answer. */
  defer(): void;
  /** Lets it in, with this subprotocol. */
  accept(protocol: string | undefined, done: (transport: Transport) => void): void;
}

/** What the server around it decides, and is told. */
export interface House<Request> {
  /** Nobody like this is taken at the moment. */
  turnsAway(request: Request): boolean;
  /** A client without a session has been let in. */
  plain(transport: Transport, visitor: Visitor<Request>): void;
  /** A client that speaks the session protocol has. */
  session(transport: Transport, visitor: Visitor<Request>): void;
  error(error: unknown): void;
}

/** The HTTP status a caller is refused with, or who it is. */
type Verdict = number | { readonly principal: string | undefined };

type AdmissionOptions<Request extends UpgradeRequest> = Pick<
  LongSocketServerOptions<Request>,
  'path' | 'origins' | 'authenticate' | 'handleProtocols' | 'sourceOf' | 'helloTimeout' | 'onListenerError'
>;

export class Admission<Request extends UpgradeRequest> {
  readonly #options: AdmissionOptions<Request>;
  readonly #clock: Clock;
  readonly #house: House<Request>;
  /** Not answered yet. */
  readonly #waiting = new Set<Caller<Request>>();

  constructor(options: AdmissionOptions<Request>, clock: Clock, house: House<Request>) {
    this.#options = options;
    this.#clock = clock;
    this.#house = house;
  }

  /** Answers within this call, unless the application's functions return promises. */
  receive(caller: Caller<Request>): void {
    const verdict = this.#judge(caller.request);
    if (!isPromise(verdict)) this.#settle(caller, verdict);
    else {
      caller.defer();
      void this.answer(caller, verdict);
    }
  }

  /** Answers in a later turn. Never rejects. */
  async answer(caller: Caller<Request>, verdict = this.#judge(caller.request)): Promise<void> {
    const { helloTimeout = 15_000 } = this.#options;
    const done = (): void => {
      this.#clock.clearTimer(late);
      this.#waiting.delete(caller);
    };
    const late = this.#clock.setTimer(() => caller.drop(), helloTimeout);
    this.#waiting.add(caller);
    const stays = caller.onGone(done);
    const settled = await verdict;
    done();
    stays();
    this.#settle(caller, settled);
  }

  /** Turns those away who wait for an answer. */
  clear(): void {
    for (const caller of this.#waiting) caller.refuse(503);
  }

  #settle(caller: Caller<Request>, settled: Verdict): void {
    if (caller.gone) return;
    const verdict = typeof settled !== 'number' && this.#house.turnsAway(caller.request) ? 503 : settled;
    if (typeof verdict === 'number') caller.refuse(verdict);
    else
      isolate(
        () => this.#admit(caller, verdict.principal),
        undefined,
        (error) => this.#house.error(error),
      );
  }

  // --- who it is ---------------------------------------------------------------------------------------------------

  /** Never throws or rejects. */
  #judge(request: Request): Verdict | Promise<Verdict> {
    const { path } = this.#options;
    try {
      const verdict = path === undefined || path === pathOf(request) ? this.#identify(request) : 404;
      return isPromise(verdict) ? verdict.catch((error) => this.#failed(error)) : verdict;
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): Verdict {
    this.#house.error(error);
    return 500;
  }

  #identify(request: Request): Verdict | Promise<Verdict> {
    const { authenticate, origins } = this.#options;
    if (this.#house.turnsAway(request)) return 503;
    const origin = request.headers?.origin;
    const welcome = origin === undefined || isWelcome(String(origin), origins, request);
    return after(welcome, (isIn) => {
      if (!isIn) return 403;
      return authenticate ? after(authenticate(request), verdictOf) : { principal: undefined };
    });
  }

  // --- as what -----------------------------------------------------------------------------------------------------

  #admit(caller: Caller<Request>, principal: string | undefined): void {
    const { request } = caller;
    const offered = protocolsOf(request);
    const own = offered.filter((protocol) => protocol !== TOKEN);
    const { handleProtocols = ([first]: readonly string[]) => first, sourceOf, onListenerError } = this.#options;
    const report = onListenerError ?? reportListenerError;
    const chosen = own.length > 0 ? isolate((offers) => handleProtocols(offers, request), own, report) : undefined;
    // A client fails the connection for any other.
    const inner = own.find((protocol) => protocol === chosen);
    const source = sourceOf && isolate(sourceOf, request, report);
    const visitor: Visitor<Request> = { request, inner: inner ?? '', principal, source };
    if (offered.length === own.length) {
      caller.accept(inner, (transport) => this.#house.plain(transport, visitor));
    } else {
      caller.accept(TOKEN, (transport) => this.#house.session(transport, visitor));
    }
  }
}

function verdictOf(principal: unknown): Verdict {
  if (principal === undefined || principal === null || principal === '') return 401;
  if (typeof principal !== 'string')
    throw new TypeError(`authenticate must return text or nothing, got ${typeof principal}`);
  return { principal };
}
