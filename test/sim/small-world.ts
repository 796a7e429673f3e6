import { clientConfig } from '../../src/client/options.js';
import type { PeerConfig } from '../../src/core/attachment.js';
import { CUT_OFF } from '../../src/core/close-code.js';
import { TOKEN } from '../../src/core/frames.js';
import type { Peer } from '../../src/core/peer.js';
import { Registry, type RegistryEffect, type RegistryInput } from '../../src/core/registry.js';
import { Session } from '../../src/core/session.js';
import type { CloseDetail, ConnectionEnd, ConnectionId, Data, Effect, Input, Loss } from '../../src/core/types.js';

/** What may happen in a small world, and how often. */
export interface Budget {
  readonly clientMessages: number;
  readonly serverMessages: number;
  readonly connections: number;
  readonly cuts: number;
  readonly rotations: number;
  readonly clientTimers: number;
  readonly serverTimers: number;
  readonly clientCloses: number;
  readonly serverCloses: number;
}

/** Something on its way: what it is when it arrives. */
type Parcel =
  | { readonly kind: 'arrive' }
  | { readonly kind: 'open' }
  | { readonly kind: 'message'; readonly data: Data }
  | { readonly kind: 'close'; readonly end: ConnectionEnd };

interface Connection {
  readonly id: ConnectionId;
  readonly up: Parcel[];
  readonly down: Parcel[];
  clientOver: boolean;
  serverOver: boolean;
  /** Whose frames go to the registry until it is somebody's. */
  owner: ServerSession | undefined;
  dead: boolean;
}

interface ServerSession {
  readonly id: string;
  readonly peer: Peer;
  readonly queue: Input[];
  busy: boolean;
  readonly received: Data[];
  readonly sent: string[];
  end: CloseDetail | undefined;
}

/** One thing that can happen next. */
export type Action = string;

const CLIENT = clientConfig('ws://server', { session: true, random: () => 0.5 });
const PEER: PeerConfig = {
  ttl: 120_000,
  maxSilence: 25_000,
  probeTimeout: 5000,
  helloTimeout: 15_000,
  closeTimeout: 5000,
  maxConnectionAge: Number.POSITIVE_INFINITY,
  maxPayload: 1_000_000,
  maxBufferedBytes: 1_000_000,
  maxBufferedMessages: 1000,
  overflow: 'throw',
  ledger: { bytes: 0 },
  maxRetainedBytes: Number.POSITIVE_INFINITY,
  maxStall: Number.POSITIVE_INFINITY,
};

/**
 * The real machines of both ends, and nothing else: no clock, no network but queues, no chance. It does one action after the other,
 * so that all orders of them can be tried. Its `history` says what each machine has seen: machines that have seen the same
 * are the same.
 */
export class SmallWorld {
  now = 0;
  readonly client = new Session(CLIENT);
  readonly registry: Registry;
  readonly connections: Connection[] = [];
  readonly sessions = new Map<string, ServerSession>();
  readonly received: Data[] = [];
  readonly sent: string[] = [];
  /** The client's, even when it is over. */
  session: string | undefined;
  loss: Loss | undefined;
  end: CloseDetail | undefined;
  clientHistory = '';
  serverHistory = '';
  /** The most connections that the client held at once. */
  mostHeld = 0;
  readonly #left: Record<keyof Budget, number>;
  readonly #queue: Input[] = [];
  #busy = false;
  #ids = 0;

  constructor(budget: Budget) {
    this.#left = { ...budget };
    this.registry = new Registry({
      peer: PEER,
      helloTimeout: 15_000,
      maxSessions: 100,
      maxSessionsPerPrincipal: 100,
      hasStore: false,
      entropy: () => ({ session: `s${++this.#ids}`, key: `k${this.#ids}` }),
      hash: (key) => `#${key}`,
    });
    this.#client({ type: 'read', number: 0, pulls: false });
    this.#client({ type: 'connect' });
  }

  /** All that can happen next. */
  get actions(): Action[] {
    const actions: Action[] = [];
    const left = this.#left;
    for (const { id, up, down, dead, clientOver, serverOver } of this.connections) {
      if (up.length > 0) actions.push(`up ${id}`);
      if (down.length > 0) actions.push(`down ${id}`);
      if (left.cuts > 0 && !dead && (!clientOver || !serverOver)) actions.push(`cut ${id}`);
    }
    const { state, deadline } = this.client;
    const open = state.status !== 'closed' && this.client.verdict('', 0, 0) !== 'closed';
    if (left.clientMessages > 0 && open) actions.push('client sends');
    if (left.rotations > 0 && state.status === 'connected' && this.#room) actions.push('rotate');
    if (left.clientCloses > 0 && open) actions.push('client closes');
    // A wait for the next dial is no fault: it takes a timer to go on at all.
    const waits = state.status === 'connecting' && state.delay > 0;
    if (deadline !== undefined && (waits ? this.#room : left.clientTimers > 0)) actions.push('client timer');
    for (const { id, peer } of this.sessions.values()) {
      const accepts = peer.verdict('', 0, 0) !== 'closed';
      if (left.serverMessages > 0 && accepts) actions.push(`server sends ${id}`);
      if (left.serverCloses > 0 && accepts) actions.push(`server closes ${id}`);
      // Not of a session that waits for its client: it would expire, which is another matter.
      if (left.serverTimers > 0 && peer.state.status === 'connected' && peer.deadline !== undefined)
        actions.push(`server timer ${id}`);
    }
    return actions;
  }

  get #room(): boolean {
    return this.#left.connections > 0;
  }

  do(action: Action): void {
    const [verb, , ...rest] = action.split(' ');
    const object = action.slice(action.lastIndexOf(' ') + 1);
    if (verb === 'up' || verb === 'down') this.#deliver(verb, Number(object));
    else if (verb === 'cut') this.#cut(Number(object));
    else if (verb === 'rotate') {
      this.#left.rotations--;
      this.#client({ type: 'rotate' });
    } else if (verb === 'client') this.#clientDoes(object);
    else this.#serverDoes(rest.length > 0 ? (action.split(' ')[1] as string) : '', object);
  }

  #clientDoes(what: string): void {
    if (what === 'sends') {
      this.#left.clientMessages--;
      const message = `c${this.sent.length + 1}`;
      this.sent.push(message);
      this.#client({ type: 'send', data: message });
    } else if (what === 'closes') {
      this.#left.clientCloses--;
      this.#client({ type: 'close', code: 4000, reason: 'client' });
    } else {
      const { state, deadline = this.now } = this.client;
      if (!(state.status === 'connecting' && state.delay > 0)) this.#left.clientTimers--;
      this.now = Math.max(this.now, deadline);
      this.#client({ type: 'timeout' });
    }
  }

  #serverDoes(what: string, id: string): void {
    const session = this.sessions.get(id);
    if (!session) return;
    if (what === 'sends') {
      this.#left.serverMessages--;
      const message = `s${session.sent.length + 1}`;
      session.sent.push(message);
      this.#peer(session, { type: 'send', data: message });
    } else if (what === 'closes') {
      this.#left.serverCloses--;
      this.#peer(session, { type: 'close', code: 4001, reason: 'server' });
    } else {
      this.#left.serverTimers--;
      this.now = Math.max(this.now, session.peer.deadline ?? this.now);
      this.#peer(session, { type: 'timeout' });
    }
  }

  /** What tells two worlds apart, whatever the order in which they came to be. */
  get key(): string {
    const ways = this.connections.map(({ up, down, clientOver, serverOver, dead }) =>
      [up, down, clientOver, serverOver, dead].map((part) => JSON.stringify(part)).join(),
    );
    const all = [this.clientHistory, this.serverHistory, ...ways, Object.values(this.#left).join()].join('\n');
    return digest('', all, this.now);
  }

  /** No more faults: all that is under way arrives, and timers run, until nothing happens any more. */
  settle(): void {
    this.#left.cuts = this.#left.rotations = 0;
    this.#left.connections = 100;
    for (let round = 0; round < 3000; round++) {
      const busy = this.connections.find(({ up, down }) => up.length + down.length > 0);
      if (busy) {
        this.do(busy.up.length > 0 ? `up ${busy.id}` : `down ${busy.id}`);
        continue;
      }
      if (this.atRest) return;
      this.#left.clientTimers = this.#left.serverTimers = 1;
      const peers = [...this.sessions.values()];
      const due = Math.min(...peers.map(({ peer }) => peer.deadline ?? Number.POSITIVE_INFINITY));
      const own = this.client.deadline ?? Number.POSITIVE_INFINITY;
      if (own <= due && own < Number.POSITIVE_INFINITY) this.do('client timer');
      else if (due < Number.POSITIVE_INFINITY) {
        this.do(`server timer ${peers.find(({ peer }) => peer.deadline === due)?.id}`);
      } else return;
    }
    throw new Error('it never comes to rest');
  }

  /** Everything has arrived, and whoever closes is closed. */
  get atRest(): boolean {
    const { client } = this;
    const current = client.session === undefined ? undefined : this.sessions.get(client.session);
    if (client.state.status === 'connected') {
      return !client.state.closing && client.pending === 0 && current !== undefined && current.peer.pending === 0;
    }
    return (
      client.state.status === 'closed' &&
      [...this.sessions.values()].every(({ peer }) => peer.state.status === 'closed')
    );
  }

  // --- the network -------------------------------------------------------------------------------------------------

  #connection(id: ConnectionId): Connection {
    return this.connections[id - 1] as Connection;
  }

  #dial(id: ConnectionId): void {
    this.#left.connections--;
    this.connections.push({
      id,
      up: [{ kind: 'arrive' }],
      down: [],
      clientOver: false,
      serverOver: false,
      owner: undefined,
      dead: false,
    });
    this.mostHeld = Math.max(this.mostHeld, this.connections.filter(({ clientOver }) => !clientOver).length);
  }

  #put(way: Parcel[], connection: Connection, parcel: Parcel): void {
    if (!connection.dead) way.push(parcel);
  }

  /** What is under way is lost; each end learns of it some time. */
  #cut(id: ConnectionId): void {
    this.#left.cuts--;
    const connection = this.#connection(id);
    connection.dead = true;
    const notice = { kind: 'close', end: CUT_OFF } as const;
    connection.up.splice(0, Number.POSITIVE_INFINITY, ...(connection.serverOver ? [] : [notice]));
    connection.down.splice(0, Number.POSITIVE_INFINITY, ...(connection.clientOver ? [] : [notice]));
  }

  #deliver(direction: 'up' | 'down', id: ConnectionId): void {
    const connection = this.#connection(id);
    const parcel = connection[direction].shift() as Parcel;
    if (direction === 'up') this.#atServer(connection, parcel);
    else this.#atClient(connection, parcel);
  }

  #atClient(connection: Connection, parcel: Parcel): void {
    const { id } = connection;
    if (connection.clientOver) return;
    if (parcel.kind === 'open') this.#client({ type: 'connection-open', id, canPing: true, protocol: TOKEN });
    else if (parcel.kind === 'message') this.#client({ type: 'message-received', id, data: parcel.data });
    else if (parcel.kind === 'close') {
      connection.clientOver = true;
      if (!connection.serverOver) this.#put(connection.up, connection, parcel);
      this.#client({ type: 'connection-close', id, ...parcel.end });
    }
  }

  #atServer(connection: Connection, parcel: Parcel): void {
    const { id, owner } = connection;
    if (connection.serverOver) return;
    if (parcel.kind === 'arrive') {
      this.#registry({ type: 'arrived', id, inner: '', principal: undefined, source: undefined });
      this.#put(connection.down, connection, { kind: 'open' });
    } else if (parcel.kind === 'message') {
      if (owner) this.#peer(owner, { type: 'message-received', id, data: parcel.data });
      else this.#registry({ type: 'greeting', id, data: parcel.data });
    } else if (parcel.kind === 'close') {
      connection.serverOver = true;
      if (!connection.clientOver) this.#put(connection.down, connection, parcel);
      if (owner) this.#peer(owner, { type: 'connection-close', id, ...parcel.end });
      else this.#registry({ type: 'left', id });
    }
  }

  // --- the client --------------------------------------------------------------------------------------------------

  #client(input: Input): void {
    this.#queue.push(input);
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      this.clientHistory = digest(this.clientHistory, next, this.now);
      for (const effect of [...this.client.step(next, this.now)]) this.#performClient(effect);
    }
    this.#busy = false;
  }

  #performClient(effect: Effect): void {
    if (effect.type === 'message') this.received.push(effect.data);
    else if (effect.type === 'dial') this.#dial(effect.id);
    else if (effect.type === 'emit' && effect.event === 'open') this.session = this.client.session;
    else if (effect.type === 'emit' && effect.event === 'lost') this.loss = effect.detail;
    else if (effect.type === 'emit' && effect.event === 'close') this.end = effect.detail;
    else if ('id' in effect) this.#transport(effect, 'client');
  }

  /** What a machine does to a connection of its own. */
  #transport(effect: Extract<Effect, { id: ConnectionId }>, side: 'client' | 'server'): void {
    const connection = this.#connection(effect.id);
    const [way, over] =
      side === 'client' ? ([connection.up, 'clientOver'] as const) : ([connection.down, 'serverOver'] as const);
    if (connection[over]) return;
    if (effect.type === 'write') this.#put(way, connection, { kind: 'message', data: effect.data });
    else if (effect.type === 'hang-up' || effect.type === 'terminate') {
      const { code, reason } = effect;
      this.#put(way, connection, { kind: 'close', end: { code, reason, wasClean: true } });
      if (effect.type === 'terminate') connection[over] = true;
    }
  }

  // --- the server --------------------------------------------------------------------------------------------------

  #registry(input: RegistryInput): void {
    this.serverHistory = digest(this.serverHistory, input, this.now);
    for (const effect of [...this.registry.step(input, this.now)]) this.#performRegistry(effect);
  }

  #performRegistry(effect: RegistryEffect): void {
    if (effect.type === 'admit') {
      const id = effect.peer.session;
      const session = { id, peer: effect.peer, queue: [], busy: false, received: [], sent: [], end: undefined };
      this.sessions.set(id, session);
      this.#peer(session, { type: 'read', number: 0, pulls: false });
      this.#attach(session, effect.id, undefined);
    } else if (effect.type === 'attach') {
      this.#attach(this.sessions.get(effect.session) as ServerSession, effect.id, effect.resume);
    } else if (effect.type === 'refuse') {
      const { id, gone, code } = effect;
      const { letter, ...fields } = gone;
      const data = `\u0010${letter}${JSON.stringify(fields)}`;
      this.#transport({ type: 'write', id, data }, 'server');
      this.#transport({ type: 'hang-up', id, code, reason: gone.why }, 'server');
    } else if (effect.type === 'close') {
      this.#transport({ type: 'terminate', id: effect.id, code: effect.code, reason: '' }, 'server');
    }
  }

  #attach(session: ServerSession, id: ConnectionId, resume: Extract<Input, { type: 'attach' }>['resume']): void {
    this.#connection(id).owner = session;
    this.#peer(session, { type: 'attach', id, jitter: 0.5, resume });
  }

  #peer(session: ServerSession, input: Input): void {
    session.queue.push(input);
    if (session.busy) return;
    session.busy = true;
    for (let next = session.queue.shift(); next; next = session.queue.shift()) {
      this.serverHistory = digest(this.serverHistory, { session: session.id, next }, this.now);
      for (const effect of [...session.peer.step(next, this.now)]) this.#performPeer(session, effect);
    }
    session.busy = false;
  }

  #performPeer(session: ServerSession, effect: Effect): void {
    if (effect.type === 'message') session.received.push(effect.data);
    else if (effect.type === 'ended') this.#registry({ type: 'ended', session: session.id, remains: effect.remains });
    else if (effect.type === 'emit' && effect.event === 'close') session.end = effect.detail;
    else if ('id' in effect) this.#transport(effect, 'server');
  }
}

/** A history so far, and one more input: two 32-bit hashes over it (FNV-1a, with different seeds). */
function digest(history: string, input: unknown, now: number): string {
  const text = `${history}${JSON.stringify(input)}${now}`;
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x85ebca6b) ^ (b >>> 13);
  }
  return `${(a >>> 0).toString(36)}.${(b >>> 0).toString(36)}.`;
}
