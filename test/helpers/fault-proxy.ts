/**
 * A TCP proxy that can be told to misbehave, for tests and for the playground. It knows nothing of WebSocket: what it
 * does to bytes and to connections is what networks, middleboxes and dying machines do to them.
 *
 * ```ts
 * const proxy = await FaultProxy.listen(serverPort);
 * const socket = new LongSocket(`ws://127.0.0.1:${proxy.port}/`);
 * proxy.silence(); // the connection is dead now, and nobody has told either end
 * await proxy.close();
 * ```
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CutKind, Link, type Weather } from './fault-link.js';

export type { CutKind } from './fault-link.js';

/** What the proxy has seen, and which faults are in force. */
export interface FaultProxyStatus {
  /** Connections whose client still holds its end; the silenced ones are among them. */
  open: number;
  /** How many of the open ones are dead without anybody having been told: silenced, or hanging since their dial. */
  silent: number;
  /** Connections accepted since the start. A refused dial is not accepted, so it is not counted. */
  accepted: number;
  /** Bytes handed on from client to target; swallowed ones do not count. */
  bytesUp: number;
  /** Bytes handed on from target to client. */
  bytesDown: number;
  stalled: boolean;
  refusing: boolean;
  hanging: boolean;
  ageLimit: number | undefined;
  latency: number;
}

const host = '127.0.0.1';

export class FaultProxy {
  /** Where clients dial, on 127.0.0.1. It stays the same through {@link refuse}. */
  readonly port: number;
  #targetPort: number;
  readonly #links = new Set<Link>();
  readonly #weather: Weather = { stalled: false, latency: 0 };
  #listener: Server | undefined;
  /** The last of the changes to the listener, which must not overlap. */
  #listening: Promise<void> = Promise.resolve();
  #stallTimer: NodeJS.Timeout | undefined;
  #ageLimit: { ms: number; kind: CutKind } | undefined;
  #refusing = false;
  #hanging = false;
  #closed = false;
  #accepted = 0;
  #bytesUp = 0;
  #bytesDown = 0;

  private constructor(targetPort: number, listener: Server, port: number) {
    this.#targetPort = targetPort;
    this.port = port;
    this.#listener = listener;
    listener.on('connection', (client) => this.#accept(client));
  }

  /** Starts a proxy in front of `targetPort` on 127.0.0.1. `port` is an ephemeral one unless given. */
  static async listen(targetPort: number, port = 0): Promise<FaultProxy> {
    const listener = await openListener(port);
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy listens on no TCP port');
    return new FaultProxy(targetPort, listener, address.port);
  }

  get status(): FaultProxyStatus {
    const held = [...this.#links].filter((link) => link.held);
    return {
      open: held.length,
      silent: held.filter((link) => !link.passing).length,
      accepted: this.#accepted,
      bytesUp: this.#bytesUp,
      bytesDown: this.#bytesDown,
      stalled: this.#weather.stalled,
      refusing: this.#refusing,
      hanging: this.#hanging,
      ageLimit: this.#ageLimit?.ms,
      latency: this.#weather.latency,
    };
  }

  /**
   * Ends connections for both ends, by a reset or by an orderly FIN without any goodbye of a higher protocol. Silenced
   * connections are left alone: nothing passes them any more. Returns how many were cut.
   */
  cut(kind: CutKind = 'rst', which: 'all' | 'newest' = 'all'): number {
    const passing = [...this.#links].filter((link) => link.passing);
    const doomed = which === 'all' ? passing : passing.slice(-1);
    for (const link of doomed) link.cut(kind);
    return doomed.length;
  }

  /**
   * Holds back every byte of every connection, in both directions, and new ones' too, for `ms` or until
   * {@link resume}; then all of it is delivered. Ends of connections wait in the same line.
   */
  stall(ms?: number): void {
    clearTimeout(this.#stallTimer);
    this.#weather.stalled = true;
    if (ms !== undefined) this.#stallTimer = setTimeout(() => this.resume(), ms);
  }

  /** Ends a {@link stall}. */
  resume(): void {
    clearTimeout(this.#stallTimer);
    this.#weather.stalled = false;
    for (const link of this.#links) link.pump();
  }

  /**
   * The black hole: the connections open now swallow every byte in both directions from here on. They stay open at
   * both ends, since not even a FIN or a reset gets through, and they never heal. New connections work. Returns how
   * many were silenced.
   */
  silence(): number {
    const passing = [...this.#links].filter((link) => link.passing);
    for (const link of passing) link.silence();
    return passing.length;
  }

  /** While on, the port is closed: the operating system itself refuses dials. Open connections are left alone. */
  refuse(on: boolean): Promise<void> {
    this.#refusing = on;
    this.#listening = this.#listening.catch(() => {}).then(() => this.#setListening(!on));
    return this.#listening;
  }

  /** While on, dials hang: TCP is accepted, but nothing is ever forwarded or answered, not even later. */
  hang(on: boolean): void {
    this.#hanging = on;
  }

  /**
   * Cuts each connection when it is `ms` old, as load balancers do; those that are older already at once. `undefined`
   * takes the limit away.
   */
  limitAge(ms: number | undefined, kind: CutKind = 'fin'): void {
    this.#ageLimit = ms === undefined ? undefined : { ms, kind };
    for (const link of this.#links) link.limitAge(ms, kind);
  }

  /** Leads new connections to another port on 127.0.0.1, as a load balancer does in a deploy. Open ones stay where they are. */
  retarget(port: number): void {
    this.#targetPort = port;
  }

  /** Delays each chunk by `ms` in each direction, so a round trip takes twice that. The order is kept. */
  latency(ms: number): void {
    this.#weather.latency = ms;
  }

  /** Closes the port and destroys every connection. No timer and no socket is left when it resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#stallTimer);
    await this.#listening.catch(() => {});
    await this.#setListening(false);
    const gone = [...this.#links].map((link) => link.gone);
    for (const link of this.#links) link.destroy();
    await Promise.all(gone);
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    // allowHalfOpen on both sockets: a FIN must pass, or be swallowed, like any byte, and not be answered by Node.
    const target = this.#hanging ? undefined : connect({ host, port: this.#targetPort, allowHalfOpen: true });
    const link = new Link(client, target, this.#weather, {
      onUp: (bytes) => {
        this.#bytesUp += bytes;
      },
      onDown: (bytes) => {
        this.#bytesDown += bytes;
      },
    });
    this.#links.add(link);
    link.gone.then(() => this.#links.delete(link));
    if (this.#ageLimit) link.limitAge(this.#ageLimit.ms, this.#ageLimit.kind);
  }

  async #setListening(on: boolean): Promise<void> {
    if (!on) {
      // The port is closed when this returns; the callback would wait for the connections, which live on.
      this.#listener?.close();
      this.#listener = undefined;
    } else if (!this.#listener && !this.#closed) {
      this.#listener = await openListener(this.port);
      this.#listener.on('connection', (client) => this.#accept(client));
    }
  }
}

/** Another process may have been given the port for an outgoing connection while it was free, hence the patience. */
async function openListener(port: number): Promise<Server> {
  for (let attemptsLeft = 50; ; attemptsLeft -= 1) {
    const listener = createServer({ allowHalfOpen: true });
    const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      listener.once('error', resolve);
      listener.listen(port, host, () => resolve(undefined));
    });
    if (!failure) return listener;
    if (failure.code !== 'EADDRINUSE' || attemptsLeft === 0) throw failure;
    await sleep(100);
  }
}
