import { expect } from 'vitest';
import { LongSocket } from '../../src/client/long-socket.js';
import type { LongSocketOptions } from '../../src/client/options.js';
import type { Claim, SessionSnapshot } from '../../src/core/registry.js';
import type { CloseDetail, Data, Loss } from '../../src/core/types.js';
import type { Inspection } from '../../src/io/driver.js';
import type { Signal } from '../../src/io/signals.js';
import type { UpgradeRequest } from '../../src/server/accept.js';
import { type LongSocketServerOptions, peerConfig } from '../../src/server/options.js';
import { RetainedLedger, SessionHost } from '../../src/server/session-host.js';
import type { SessionSocket } from '../../src/server/session-socket.js';
import type { SessionOwner, SessionStore } from '../../src/server/store.js';
import { seededRandom } from '../../src/testing/random.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { FaultyNetwork, type Host, Process, type Weather } from './faulty-network.js';

/** How an application reads: as it comes, or one message at a time, with pauses. */
export type Reading = 'push' | 'pull';

export interface SessionWorldOptions {
  readonly client?: LongSocketOptions | undefined;
  readonly server?: LongSocketServerOptions | undefined;
  readonly servers?: number | undefined;
  /** Applications that also send from inside their listeners. */
  readonly eager?: boolean | undefined;
  readonly reads?: { readonly client: Reading; readonly server: Reading } | undefined;
  /** The longest pause of one who pulls, in ms. */
  readonly pause?: number | undefined;
  /** One way to the store and back, in ms. @default up to 300 */
  readonly storeDelay?: number | undefined;
  /** From the first dial on. */
  readonly weather?: Partial<Weather> | undefined;
}

/** What one session has seen, at whichever server it was. */
interface Conversation {
  /** What the server's application sent, and what it received. */
  readonly sent: string[];
  readonly received: Data[];
  /** Its sockets on the servers, and how the last one ended. */
  socket: SessionSocket;
  end: CloseDetail | undefined;
}

/** What the client's application saw of one session. */
interface Epoch {
  session: string | undefined;
  readonly sent: string[];
  readonly received: Data[];
  loss: Loss | undefined;
  end: CloseDetail | undefined;
}

/** Asks with latency, like a store in another process. */
class SlowStore implements SessionStore {
  readonly #clock: VirtualClock;
  readonly #delay: () => number;
  readonly #owners = new Set<SessionOwner>();
  readonly #deposits = new Map<string, SessionSnapshot>();

  constructor(clock: VirtualClock, delay: () => number) {
    this.#clock = clock;
    this.#delay = delay;
  }

  join(owner: SessionOwner): () => void {
    this.#owners.add(owner);
    return () => this.#owners.delete(owner);
  }

  async claim(claim: Claim): Promise<SessionSnapshot | undefined> {
    await this.#wait();
    const deposit = this.#deposits.get(claim.session);
    if (deposit && deposit.keyHash === claim.keyHash && claim.attempt > deposit.peer.resumes) {
      this.#deposits.delete(claim.session);
      return deposit;
    }
    let failure: unknown;
    for (const owner of this.#owners) {
      const snapshot = await owner.release(claim).catch((error: unknown) => {
        failure = error;
        return undefined;
      });
      if (!snapshot) continue;
      await this.#wait();
      return structuredClone(snapshot);
    }
    await this.#wait();
    if (failure) throw failure;
    return undefined;
  }

  async deposit(snapshot: SessionSnapshot): Promise<void> {
    this.#deposits.set(snapshot.session, structuredClone(snapshot));
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => this.#clock.schedule(resolve, this.#delay()));
  }
}

/** A server process: what it holds is gone when it crashes. */
export class ServerNode implements Host {
  readonly process: Process;
  host!: SessionHost<UpgradeRequest>;
  ledger!: RetainedLedger;
  readonly #world: SessionWorld;
  readonly #name: string;
  #generation = 0;
  #ids = 0;

  constructor(world: SessionWorld, name: string) {
    this.#world = world;
    this.#name = name;
    this.process = new Process(world.clock, world.random);
    this.start();
  }

  /** With an empty memory. */
  start(): void {
    const { options, random, store } = this.#world;
    const generation = ++this.#generation;
    this.ledger = new RetainedLedger(options.server?.maxRetainedBytes ?? 256 * 1024 * 1024);
    const config = {
      peer: peerConfig({ ...options.server }, this.ledger),
      ledger: this.ledger,
      clock: this.process,
      random,
      entropy: () => ({ session: `${this.#name}${generation}-${++this.#ids}`, key: `key-${this.#ids}` }),
      hash: (key: string) => `#${key}`,
      helloTimeout: options.server?.helloTimeout ?? 15_000,
      maxSessions: 1000,
      maxSessionsPerPrincipal: 20,
      store,
    };
    const world = this.#world;
    const name = this.#name;
    const socketOptions = {
      clock: this.process,
      random,
      // Asked for once for each socket.
      get inspect() {
        const socket = world.newSocket();
        return (step: Inspection) => world.log.push([name, step, socket]);
      },
    };
    this.host = new SessionHost(config, socketOptions, {
      session: (socket) => this.#world.begun(socket as unknown as SessionSocket),
      // Asked for while it was on its way: the client comes again.
      error: (error) => /is on its way/.test(String(error)) || this.#world.errors.push(error),
    });
  }

  arrive(open: Parameters<SessionHost<UpgradeRequest>['arrive']>[0]): void {
    const { principal, source } = this.#world;
    this.host.arrive(open, { request: { url: '/' }, inner: '', principal, source });
  }
}

/** One client, one or two servers, the network between them, and all that their applications saw. */
export class SessionWorld {
  readonly seed: number;
  readonly options: SessionWorldOptions;
  readonly clock = new VirtualClock();
  readonly random: () => number;
  readonly client: Process;
  readonly nodes: ServerNode[];
  readonly network: FaultyNetwork;
  readonly store: SlowStore | undefined;
  readonly socket: LongSocket;
  readonly log: [who: string, step: Inspection, socket: number][] = [];
  /** The sockets of servers, by the numbers of the log (the client's is 0). */
  readonly sockets: { session: string; bornAt: number }[] = [];
  readonly errors: unknown[] = [];
  readonly conversations = new Map<string, Conversation>();
  readonly epochs: Epoch[] = [];
  /** Delays of messages, from `send` to the other application, in ms. */
  readonly delays: number[] = [];
  /** Events of the client's socket. */
  readonly events: { readonly at: number; readonly event: string; readonly detail: unknown }[] = [];
  /** Events of the servers' sockets, but for messages. */
  readonly serverEvents: { readonly at: number; readonly event: string; readonly detail: unknown }[] = [];
  signal: (signal: Signal) => void = () => {};
  /** Who dials, and from where, as servers see it. */
  principal: string | undefined;
  source: string | undefined = 'somewhere';
  /** The longest pause of one who pulls, in ms. */
  pause: number;
  /** Somebody has closed. */
  closing = false;
  #count = 0;
  readonly #sentAt = new Map<string, number>();
  /** Of the servers' messages. */
  readonly #sessionOf = new Map<string, string>();

  constructor(seed: number, options: SessionWorldOptions = {}) {
    this.seed = seed;
    this.options = options;
    this.pause = options.pause ?? 500;
    this.random = seededRandom(seed);
    this.client = new Process(this.clock, this.random);
    const { servers = 1 } = options;
    if (servers > 1) this.store = new SlowStore(this.clock, () => options.storeDelay ?? this.between(0, 300));
    this.nodes = Array.from({ length: servers }, (_, index) => new ServerNode(this, 'AB'[index] as string));
    this.network = new FaultyNetwork(this.clock, this.random, this.client, this.nodes[0] as ServerNode);
    Object.assign(this.network.weather, options.weather);
    this.socket = new LongSocket('ws://server', {
      session: true,
      clock: this.client,
      random: this.random,
      dial: this.network.dial,
      signals: (report) => {
        this.signal = report;
        return () => {};
      },
      inspect: (step) => this.log.push(['C', step, 0]),
      onListenerError: (error) => this.errors.push(error),
      autoConnect: false,
      ...options.client,
    });
    this.#watchClient();
    this.socket.connect();
  }

  #watchClient(): void {
    const { socket } = this;
    this.#newEpoch();
    for (const event of ['open', 'interrupted', 'rotating', 'rotated', 'lost', 'failed', 'close', 'state'] as const) {
      socket.on(event, (detail: unknown) => this.events.push({ at: this.clock.now(), event, detail }));
    }
    socket.on('open', () => {
      this.epoch.session ??= socket.session;
      expect(socket.session, 'the session of an epoch').toBe(this.epoch.session);
      // Behind what waits, though what waits goes out after this listener.
      if (this.options.eager && !this.closing) this.send('on open');
    });
    socket.on('lost', (loss) => {
      this.epoch.loss = loss;
      this.#newEpoch();
    });
    socket.on('close', (end) => {
      this.epoch.end = end;
    });
    this.#read(socket, this.options.reads?.client ?? 'push', (data) => {
      // What waited to be read when its session was lost belongs to that one.
      const session = this.#sessionOf.get(String(data));
      (this.epochs.find((epoch) => epoch.session === session) ?? this.epoch).received.push(data);
      this.#arrived(data);
    });
  }

  get epoch(): Epoch {
    return this.epochs.at(-1) as Epoch;
  }

  #newEpoch(): void {
    this.epochs.push({ session: undefined, sent: [], received: [], loss: undefined, end: undefined });
  }

  /** The number of the next socket of a server. */
  newSocket(): number {
    this.sockets.push({ session: '', bornAt: this.clock.now() });
    return this.sockets.length;
  }

  /** A session has begun at a server, or come to it from another. */
  begun(socket: SessionSocket): void {
    const id = socket.session as string;
    const newest = this.sockets.at(-1);
    if (newest) newest.session = id;
    const known = this.conversations.get(id);
    const conversation = known ?? { sent: [], received: [], socket, end: undefined };
    conversation.socket = socket;
    conversation.end = undefined;
    this.conversations.set(id, conversation);
    socket.on('close', (end) => {
      if (conversation.socket === socket) conversation.end = end;
    });
    for (const event of ['open', 'interrupted', 'rotated', 'close'] as const) {
      socket.on(event, (detail: unknown) => this.serverEvents.push({ at: this.clock.now(), event, detail }));
    }
    this.#read(socket, this.options.reads?.server ?? 'push', (data) => {
      if (conversation.socket !== socket) this.errors.push(new Error(`a message at a socket that has moved: ${data}`));
      conversation.received.push(data);
      this.#arrived(data);
      // From inside a listener, like an echo.
      if (this.options.eager && this.random() < 0.1) this.#answer(conversation, 'at once');
    });
  }

  #read(socket: LongSocket | SessionSocket, reading: Reading, take: (data: Data) => void): void {
    if (reading === 'push') {
      socket.on('message', take);
      return;
    }
    const messages = socket[Symbol.asyncIterator]();
    const next = (): void => {
      messages.next().then(
        ({ done, value }) => {
          // What is read after the session has gone elsewhere is read there again.
          if (done || (socket as SessionSocket).state.cause?.cause === 'moved') return;
          take(value);
          if (this.random() < 0.5) next();
          else this.clock.schedule(next, this.between(0, this.pause));
        },
        // The end of a life that failed, which is in its `close` as well.
        (error) => error.code === 'SESSION_LOST' || this.errors.push(error),
      );
    };
    next();
  }

  #arrived(data: Data): void {
    const sentAt = this.#sentAt.get(String(data));
    if (sentAt !== undefined) this.delays.push(this.clock.now() - sentAt);
  }

  // --- what applications do ----------------------------------------------------------------------------------------

  /** The client's application sends the next message, if it is taken. */
  send(text = ''): void {
    if (this.client.isStopped || this.socket.state.status === 'closed') return;
    // Some look like control frames.
    const message = `${this.#count % 17 === 0 ? '\u0010' : ''}c${++this.#count} ${text}`;
    try {
      this.socket.send(message);
      this.epoch.sent.push(message);
      this.#sentAt.set(message, this.clock.now());
    } catch {
      // Full or closing: not accepted, so nothing is owed.
    }
  }

  /** The server's application sends to each session it has. */
  answer(text = ''): void {
    for (const conversation of this.conversations.values()) {
      const { socket } = conversation;
      const node = this.nodes.find(({ host }) => host.sockets.get(socket.session as string) === (socket as unknown));
      if (node && !node.process.isStopped) this.#answer(conversation, text);
    }
  }

  #answer({ socket, sent }: Conversation, text: string): void {
    if (socket.state.status === 'closed') return;
    const message = `${this.#count % 13 === 0 ? '\u0010\u0010' : ''}s${++this.#count} ${text}`;
    try {
      socket.send(message);
      sent.push(message);
      this.#sessionOf.set(message, socket.session as string);
      this.#sentAt.set(message, this.clock.now());
    } catch {
      // As above.
    }
  }

  // --- time --------------------------------------------------------------------------------------------------------

  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  pick<Choice>(...choices: readonly Choice[]): Choice {
    return choices[Math.floor(this.random() * choices.length)] as Choice;
  }

  /** Lets time pass. Promises are only waited for where they matter: stores, and those who pull. */
  async pass(ms: number): Promise<void> {
    const { servers = 1, reads } = this.options;
    if (servers === 1 && reads?.client !== 'pull' && reads?.server !== 'pull') this.clock.advance(ms);
    else await this.clock.advanceAsync(ms);
  }

  // --- oracle ------------------------------------------------------------------------------------------------------

  /** While it goes on: only the next message, only once; few connections; bounded memory. */
  checkMeanwhile(): void {
    this.check(() => {
      expect(this.errors.map(String).join(), 'errors').toBe('');
      expect(this.network.mostHeld, 'connections at once').toBeLessThanOrEqual(2);
      expect(this.network.pushed, 'messages sent on a connection that was backed up').toBe(0);
      for (const epoch of this.epochs) {
        const conversation = epoch.session === undefined ? undefined : this.conversations.get(epoch.session);
        expectPrefix(conversation?.received ?? [], epoch.sent, 'received by the server');
        expectPrefix(epoch.received, conversation?.sent ?? [], 'received by the client');
      }
      for (const { ledger } of this.nodes) {
        expect(ledger.bytes, 'bytes retained').toBeGreaterThanOrEqual(0);
        expect(ledger.bytes, 'bytes retained').toBeLessThanOrEqual(this.conversations.size * 1024 * 1024);
      }
    });
  }

  /** When all has come to rest: each message has arrived, or is counted in exactly one report. */
  checkAll(): void {
    this.checkMeanwhile();
    this.check(() => {
      for (const epoch of this.epochs) this.#checkEpoch(epoch);
      // Sessions that no client ever knew of: they may not have received anything.
      const known = new Set(this.epochs.map(({ session }) => session));
      for (const [id, { received }] of this.conversations) {
        if (!known.has(id)) expect(received, `received in the unknown session ${id}`).toEqual([]);
      }
    });
  }

  #checkEpoch({ session, sent, received, loss, end }: Epoch): void {
    const conversation = session === undefined ? undefined : this.conversations.get(session);
    const arrived = conversation?.received.length ?? 0;
    if (loss) {
      const { undelivered, unknown, messages } = loss;
      expect(messages.length, 'messages handed back').toBe(undelivered + unknown);
      expect(messages, 'messages handed back').toEqual(sent.slice(sent.length - messages.length));
      expectCounted(sent.length, arrived, undelivered, unknown);
    } else {
      expectCounted(sent.length, arrived, end?.undelivered ?? 0, end?.unconfirmed ?? 0);
    }
    if (!conversation) return;
    const theirs = conversation.end;
    // A crash takes the server's own reports with it.
    const crashed = theirs === undefined && (loss !== undefined || end !== undefined);
    if (!crashed)
      expectCounted(conversation.sent.length, received.length, theirs?.undelivered ?? 0, theirs?.unconfirmed ?? 0);
  }

  // --- reports -----------------------------------------------------------------------------------------------------

  /** The steps up to here, for whoever has to find out what went wrong with this seed. */
  trace(most = Number(process.env.TRACE ?? 120)): string {
    const line = ([who, { at, input, effects, state }]: (typeof this.log)[number]): string =>
      `${at.toFixed(0).padStart(7)} ${who} ${brief(input)} → ${effects.map(brief).join(', ') || '–'} [${state.status}]`;
    return [
      `seed ${this.seed} (again: SEED=${this.seed} npm test -- test/sim/sessions); the last ${most} of ${this.log.length} steps:`,
      ...this.log.slice(-most).map(line),
    ].join('\n');
  }

  check(assert: () => void): void {
    try {
      assert();
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.trace()}`, { cause: error });
    }
  }
}

function brief({ type, ...rest }: { readonly type: string }): string {
  const shorten = (_: string, value: unknown): unknown => {
    if (value instanceof Error) return value.message;
    return typeof value === 'string' && value.length > 90 ? `${value.slice(0, 90)}…` : value;
  };
  return `${type}${JSON.stringify(rest, shorten)}`.replaceAll('\\u0010', '~').slice(0, 260);
}

function expectPrefix(part: readonly Data[], whole: readonly Data[], what: string): void {
  if (part.length > whole.length) expect(part, what).toEqual(whole);
  // The last ones say it all, and the whole is compared in the end.
  for (let i = Math.max(0, part.length - 50); i < part.length; i++) {
    if (part[i] !== whole[i]) expect(part.slice(0, i + 1), what).toEqual(whole.slice(0, i + 1));
  }
}

/** Of `sent` messages `arrived` did; the rest is in the report, exactly where it says so. */
function expectCounted(sent: number, arrived: number, exactly: number, atMost: number): void {
  expect(sent - arrived, 'messages that did not arrive').toBeGreaterThanOrEqual(exactly);
  expect(sent - arrived, 'messages that did not arrive').toBeLessThanOrEqual(exactly + atMost);
}
