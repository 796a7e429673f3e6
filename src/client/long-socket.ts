import { CUT_OFF } from '../core/close-code.js';
import { LongSocketError } from '../core/errors.js';
import { TOKEN } from '../core/frames.js';
import { RotatingLine } from '../core/rotating-line.js';
import { Session } from '../core/session.js';
import type { Announcement, ConnectionEnd, ConnectionId, ConnectionReport, Data, Effect } from '../core/types.js';
import type { Report } from '../io/connection.js';
import { dial as dialWebSocket } from '../io/dial.js';
import { platformSignals } from '../io/signals.js';
import { abortController } from '../socket/abort.js';
import { isolate, reportListenerError } from '../socket/listeners.js';
import { Socket } from '../socket/socket.js';
import { PendingGreeting } from './greeting.js';
import {
  clientConfig,
  type DialContext,
  type LongSocketOptions,
  type Provider,
  resolveHeaders,
  resolveProtocols,
  resolveUrl,
  type Url,
  validateClient,
} from './options.js';

type DialEffect = Extract<Effect, { type: 'dial' }>;

/**
 * A WebSocket that outlives its connections: it notices when one is dead, dials another, and says what it knows.
 *
 * With `session: true`, and a `LongSocketServer` at the other end, no message is lost, none comes twice, and all in order. Without,
 * messages that a lost connection had taken may be lost with it; `interrupted { unconfirmed }` says how many at most.
 *
 * @typeParam In What arrives. @typeParam Out What is sent.
 */
export class LongSocket<In = Data, Out = Data> extends Socket<In, Out> {
  readonly #url: Provider<Url>;
  readonly #options: LongSocketOptions<In, Out>;
  /** The dial whose providers are at work. */
  #abort: { readonly id: ConnectionId; readonly controller: { abort(): void } } | undefined;
  /** The dial under way, until it is given up. */
  #dialing: ConnectionId | undefined;
  #greeting: PendingGreeting<In, Out> | undefined;
  #stopSignals: (() => void) | undefined;
  #onAbort: (() => void) | undefined;

  /**
   * Dials at once, unless `autoConnect` is false.
   * @throws LongSocketError `INVALID_URL`, `INVALID_OPTION`, or `ABORTED` if `signal` is already.
   */
  constructor(url: Provider<Url>, options: LongSocketOptions<In, Out> = {}) {
    validateClient(url, options);
    const config = clientConfig(url, options);
    const { session = false } = options;
    super(
      config,
      options,
      (random) => (session ? new Session({ ...config, random }) : new RotatingLine({ ...config, random })),
      session,
    );
    this.#url = url;
    this.#options = { ...options };
    if (options.autoConnect ?? true) this.connect();
  }

  /**
   * Connects: begins a new life if closed, cuts a wait short; nothing else. A life has its own `opened` and `closed`.
   * @throws LongSocketError `ABORTED` if the option `signal` is.
   */
  connect(): void {
    this.#go('connect');
  }

  /**
   * Dials anew, now: ends a connection or attempt there is, cancels a wait, counts attempts from 1; if closed, begins a new life.
   * @throws LongSocketError `ABORTED` if the option `signal` is.
   */
  reconnect(): void {
    this.#go('reconnect');
  }

  /**
   * Changes to a fresh connection, now and without a gap: the next one is opened first, then takes over. Nothing happens unless
   * connected. See option `maxConnectionAge` for what that promises.
   */
  rotate(): void {
    this.driver.dispatch({ type: 'rotate' });
  }

  #go(type: 'connect' | 'reconnect'): void {
    const { signal } = this.#options;
    if (signal?.aborted) throw new LongSocketError('ABORTED', 'option `signal` is aborted', { cause: signal.reason });
    this.driver.dispatch({ type });
  }

  // --- effects -----------------------------------------------------------------------------------------------------

  protected override perform(effect: Effect): void {
    switch (effect.type) {
      case 'dial':
        this.#dial(effect);
        break;
      case 'greet':
        this.#greet(effect.id, effect.reconnected);
        break;
      case 'greeting-message':
        this.#greeting?.message(effect.data);
        break;
      default:
        super.perform(effect);
    }
  }

  protected override emit(announcement: Announcement): void {
    const { event, detail } = announcement;
    // While still connecting, the connection being greeted may have stepped in for one that was to be replaced.
    if (event === 'rotated' || (event === 'state' && detail.status !== 'connecting')) this.#greeting?.end();
    if (event === 'close') this.#finish();
    super.emit(announcement);
    if (event === 'open' || event === 'rotated') {
      for (const data of this.#greeting?.unread ?? []) this.receive(data);
      this.#greeting = undefined;
    }
  }

  protected override begin(): void {
    super.begin();
    const { signals = platformSignals, signal, onListenerError = reportListenerError } = this.#options;
    this.#stopSignals ??= isolate(signals, (type) => this.driver.dispatch({ type }), onListenerError);
    if (signal) {
      this.#onAbort ??= () => this.close();
      signal.addEventListener('abort', this.#onAbort);
      // By a listener of the last life, perhaps, behind `connect()`.
      if (signal.aborted) this.close();
    }
  }

  #finish(): void {
    const { signal, onListenerError = reportListenerError } = this.#options;
    if (this.#onAbort) signal?.removeEventListener('abort', this.#onAbort);
    if (this.#stopSignals) isolate(this.#stopSignals, undefined, onListenerError);
    this.#stopSignals = undefined;
  }

  protected override discard(id: ConnectionId, code: number, reason: string): void {
    if (this.#abort?.id === id) this.#abort.controller.abort();
    if (this.#dialing === id) this.#dialing = undefined;
    super.discard(id, code, reason);
  }

  protected override forget(id: ConnectionId): void {
    super.forget(id);
    if (this.#greeting?.id === id) {
      this.#greeting.end();
      this.#greeting = undefined;
    }
  }

  /** Asks the providers, if there are any, then opens a connection. */
  #dial({ id, attempt, reason }: DialEffect): void {
    this.#dialing = id;
    const parts = [this.#url, this.#options.protocols, this.#options.headers] as const;
    if (parts.every((part) => typeof part !== 'function')) {
      this.#open(id, parts);
      return;
    }
    const controller = abortController();
    const { signal } = controller;
    const { state } = this;
    const context: DialContext = { attempt, reason, cause: state.cause, signal };
    this.#abort = { id, controller };
    Promise.all(parts.map(async (part) => (typeof part === 'function' ? part(context) : part))).then(
      (values) => signal.aborted || this.#open(id, values),
      (error) => {
        if (signal.aborted) return;
        // One has failed: the others need not go on.
        controller.abort();
        this.report(failure(id, error, 'provider'));
      },
    );
  }

  #open(id: ConnectionId, [url, protocols, headers]: readonly unknown[]): void {
    const { dial = dialWebSocket, WebSocket, binaryType = 'arraybuffer', node } = this.#options;
    // From here on the attempt is given up by its connection's id.
    this.#abort = undefined;
    let request: Parameters<typeof dial>[0];
    try {
      request = {
        id,
        url: resolveUrl(url),
        protocols: this.#options.session ? [...resolveProtocols(protocols), TOKEN] : resolveProtocols(protocols),
        headers: resolveHeaders(headers),
        clock: this.clock,
        binaryType,
        WebSocket,
        node,
      };
    } catch (error) {
      this.report(failure(id, error, 'provider'));
      return;
    }
    try {
      const connection = dial(request, this.#options.session ? this.#reportOfSession : this.report);
      if (typeof connection?.send !== 'function') {
        Promise.resolve(connection).catch(() => {});
        throw new LongSocketError('INVALID_OPTION', 'option `dial` must return a connection');
      }
      // What dial called may have given this attempt up.
      if (this.#dialing === id) this.adopt(id, connection);
      else connection.terminate(1000, '');
    } catch (error) {
      const report = failure(id, error, isFinal(error) ? 'unsupported' : undefined);
      // Not in the tick of the constructor, when nobody can have listened yet.
      Promise.resolve().then(() => this.report(report));
    }
  }

  /** A server that chooses no subprotocol does not speak ours. Node tells; a page is told of no failed dial why. */
  readonly #reportOfSession: Report = (report) => {
    if (report.type !== 'connection-close' || this.state.status !== 'connecting') this.report(report);
    else if (Object(report.error).message === NO_SUBPROTOCOL) this.report({ ...report, cause: 'no-session' });
    else if (this.session || report.error || report.status) this.report(report);
    else this.report({ ...report, error: new Error(`perhaps the server does not speak ${TOKEN}`) });
  };

  #greet(id: ConnectionId, reconnected: boolean): void {
    const { onConnect, codec } = this.#options;
    const connection = this.connection(id);
    if (!onConnect || !connection) return;
    this.#greeting = new PendingGreeting(id, this.driver, codec);
    this.#greeting.run(onConnect, connection, reconnected);
  }
}

/** With this, `ws` fails an upgrade. */
const NO_SUBPROTOCOL = 'Server sent no subprotocol';

/** What the platform or its security policy (mixed content, say) refuses once, it refuses always. */
function isFinal(error: unknown): boolean {
  const { name, code } = Object(error) as { name?: unknown; code?: unknown };
  return name === 'SecurityError' || code === 'UNSUPPORTED';
}

/** A dial that came to nothing before there was a connection. */
function failure(id: ConnectionId, error: unknown, cause: ConnectionEnd['cause']): ConnectionReport {
  return { type: 'connection-close', id, ...CUT_OFF, cause, error };
}
