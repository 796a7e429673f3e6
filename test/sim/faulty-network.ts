import { CUT_OFF } from '../../src/core/close-code.js';
import { isControl, TOKEN } from '../../src/core/frames.js';
import { byteLength, detached } from '../../src/core/outbox.js';
import type { ConnectionEnd, ConnectionId, ConnectionReport, Data } from '../../src/core/types.js';
import type { Clock } from '../../src/io/clock.js';
import type { Connection, Dial, Report } from '../../src/io/connection.js';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';

/** When an end learns that its connection is cut; `never`: it stays half-open. */
export type Notice = 'now' | 'late' | 'never';

/** What becomes of a dial: `mute`: it opens, and then nothing of the client's ever arrives. */
export type Fate = 'accept' | 'refuse' | 'hang' | 'mute';

export interface Weather {
  fate: Fate;
  /** One way, in ms; each connection draws its own mean, each frame around it. */
  latency: readonly [least: number, most: number];
  /** How long it takes before an upgrade request sets out (DNS, TCP, TLS), in ms. */
  dial: number;
  /** Connections are cut at this age, and after so long without a frame either way, in ms. */
  maxAge: number | undefined;
  maxIdle: number | undefined;
  /** A frame of more bytes ends its connection, as too big for something on the way. */
  maxFrame: number;
  /** Frames that never arrive. */
  loses: (data: Data, side: 'client' | 'server') => boolean;
  /** Bytes under way from which a transport is backed up. */
  window: number;
}

/** Bytes that one side has sent, with the frames' headers: of everything, and of frames with this letter. */
export class Meter {
  total = 0;
  readonly #byLetter = new Map<string, number>();

  count(data: Data, masked: boolean): void {
    const payload = byteLength(data);
    const header = 2 + (payload > 65_535 ? 8 : payload > 125 ? 2 : 0) + (masked ? 4 : 0);
    this.total += header + payload;
    const letter = typeof data === 'string' && data[0] === '\u0010' ? (data[1] as string) : '';
    this.#byLetter.set(letter, this.of(letter) + header + payload);
  }

  of(letter: string): number {
    return this.#byLetter.get(letter) ?? 0;
  }
}

/** Either end of the world's connections: a process, which can be stopped and go on. */
export class Process implements Clock {
  readonly #world: VirtualClock;
  readonly #random: () => number;
  #stopped: (() => void)[] | undefined;
  readonly #timers = new Set<object>();

  constructor(world: VirtualClock, random: () => number) {
    this.#world = world;
    this.#random = random;
  }

  now(): number {
    return this.#world.now();
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  setTimer(callback: () => void, ms: number): unknown {
    const timer = {};
    this.#timers.add(timer);
    this.#world.schedule(() => this.#run(() => this.#timers.delete(timer) && callback(), this.#random() < 0.5), ms);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as object);
  }

  /** Something comes from outside: at once, or when the process goes on. */
  receive(event: () => void): void {
    this.#run(event);
  }

  /** As SIGSTOP: nothing runs; what comes waits. */
  stop(): void {
    this.#stopped ??= [];
  }

  /** As SIGCONT: what has waited runs, in its order, but for timers that come first, as in some event loops. */
  goOn(): void {
    const waiting = this.#stopped ?? [];
    this.#stopped = undefined;
    for (const event of waiting) this.#run(event);
  }

  #run(event: () => void, first = false): void {
    if (!this.#stopped) event();
    else if (first) this.#stopped.unshift(event);
    else this.#stopped.push(event);
  }
}

/** Who takes the connections. */
export interface Host {
  readonly process: Process;
  /** The subprotocol it chooses. @default the protocol's, if it is offered */
  readonly protocol?: string;
  arrive(open: (id: ConnectionId, report: Report) => Connection, protocols: readonly string[]): void;
}

/** A network with every fault that a session has to survive, drawn from the seed. */
export class FaultyNetwork {
  readonly world: VirtualClock;
  readonly random: () => number;
  readonly client: Process;
  readonly weather: Weather = {
    fate: 'accept',
    latency: [5, 60],
    dial: 0,
    maxAge: undefined,
    maxIdle: undefined,
    maxFrame: Number.POSITIVE_INFINITY,
    loses: () => false,
    window: Number.POSITIVE_INFINITY,
  };
  readonly wire = { client: new Meter(), server: new Meter() };
  readonly links = new Set<FaultyLink>();
  /** Where dials go now. */
  host: Host;
  dials = 0;
  /** Messages that were sent on a connection that had said it was backed up. */
  pushed = 0;
  /** The most connections and attempts that the client held at once. */
  mostHeld = 0;

  constructor(world: VirtualClock, random: () => number, client: Process, host: Host) {
    this.world = world;
    this.random = random;
    this.client = client;
    this.host = host;
  }

  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  readonly dial: Dial = (request, report) => this.dialFrom(this.client, request, report);

  /** As `dial`, from another client's process. */
  dialFrom(client: Process, { id, url, protocols }: Parameters<Dial>[0], report: Report): Connection {
    this.dials++;
    const link = new FaultyLink(this, client, id, url, report);
    this.links.add(link);
    this.mostHeld = Math.max(this.mostHeld, [...this.links].filter(({ held }) => held).length);
    const { fate, maxAge, maxIdle, dial } = this.weather;
    if (fate === 'refuse') this.world.schedule(() => link.endClient(CUT_OFF), this.between(1, 100));
    else if (fate !== 'hang') {
      link.down.travel(() => {}, 0); // The way there and back.
      if (dial > 0) link.up.stall(dial + link.up.mean);
      link.up.travel(() => link.arrive(protocols), 0);
      if (maxIdle !== undefined) link.limitSilence(maxIdle);
      if (fate === 'mute') link.up.dies();
      if (maxAge !== undefined) this.world.schedule(() => link.cut('now', 'now'), maxAge);
    }
    return link.clientEnd;
  }

  forget(link: FaultyLink): void {
    if (!link.held) this.links.delete(link);
  }
}

/** One direction of a connection: in order, and late. */
class Way {
  readonly #link: FaultyLink;
  readonly mean: number;
  #lastArrival = 0;
  #dead = false;
  /** Bytes under way. */
  under = 0;

  constructor(link: FaultyLink) {
    const { network } = link;
    this.#link = link;
    const [least, most] = network.weather.latency;
    this.mean = network.between(least, most);
  }

  /** From now on nothing arrives, what is under way included. */
  dies(): void {
    this.#dead = true;
  }

  /** Slow for a while: what is sent from now on arrives no earlier than so many ms from now. */
  stall(ms: number): void {
    this.#lastArrival = Math.max(this.#lastArrival, this.#link.network.world.now() + ms);
  }

  travel(arrive: () => void, bytes: number): void {
    const { world, random, weather } = this.#link.network;
    this.under += bytes;
    // Fixed where the bounds are equal.
    const spread = weather.latency[0] === weather.latency[1] ? 1 : 0.8 + 0.4 * random();
    const at = Math.max(this.#lastArrival, world.now() + this.mean * spread);
    this.#lastArrival = at;
    world.schedule(() => {
      this.under -= bytes;
      if (!this.#dead) arrive();
    }, at - world.now());
  }
}

/** Both ends of one connection, and the ways between them. */
export class FaultyLink {
  readonly network: FaultyNetwork;
  readonly url: string;
  readonly up: Way;
  readonly down: Way;
  readonly clientEnd: End;
  serverEnd: End | undefined;
  readonly #client: Process;
  readonly #host: Host;
  readonly #id: ConnectionId;
  readonly #report: Report;
  #clientOver = false;
  #serverOver = false;
  #serverReport: ((report: ConnectionReport) => void) | undefined;
  readonly born: number;
  #usedAt: number;

  constructor(network: FaultyNetwork, client: Process, id: ConnectionId, url: string, report: Report) {
    this.network = network;
    this.#client = client;
    this.#id = id;
    this.url = url;
    this.#report = report;
    this.#host = network.host;
    this.born = this.#usedAt = network.world.now();
    this.up = new Way(this);
    this.down = new Way(this);
    this.clientEnd = new End(this, 'client');
  }

  /** The client holds it: an attempt, or a connection. */
  get held(): boolean {
    return !this.#clientOver;
  }

  get open(): boolean {
    return this.serverEnd !== undefined && !this.#clientOver && !this.#serverOver;
  }

  /** A frame sets out, either way. */
  used(): void {
    this.#usedAt = this.network.world.now();
  }

  /** Something on the way cuts the connection after so long without a frame. */
  limitSilence(ms: number): void {
    const { world } = this.network;
    const look = (): void => {
      const left = this.#usedAt + ms - world.now();
      if (left <= 0) this.cut('now', 'now');
      else if (this.held) world.schedule(look, left);
    };
    world.schedule(look, ms);
  }

  /** The upgrade request is there. */
  arrive(protocols: readonly string[]): void {
    this.#host.process.receive(() => {
      this.#host.arrive((id, report) => {
        this.#serverReport = report;
        this.serverEnd = new End(this, 'server', id);
        return this.serverEnd;
      }, protocols);
      const protocol = this.#host.protocol ?? (protocols.includes(TOKEN) ? TOKEN : '');
      this.clientEnd.protocol = protocol;
      this.down.travel(() => this.toClient({ type: 'connection-open', id: this.#id, canPing: false, protocol }), 0);
    });
  }

  toClient(report: ConnectionReport): void {
    this.#client.receive(() => this.#clientOver || this.#report({ ...report, id: this.#id } as ConnectionReport));
  }

  toServer(report: ConnectionReport): void {
    const id = this.serverEnd?.id ?? 0;
    this.#host.process.receive(() => this.#serverOver || this.#serverReport?.({ ...report, id } as ConnectionReport));
  }

  endClient(end: ConnectionEnd): void {
    this.#client.receive(() => {
      if (this.#clientOver) return;
      this.abandon('client');
      this.#report({ type: 'connection-close', id: this.#id, ...end });
    });
  }

  endServer(end: ConnectionEnd): void {
    this.#host.process.receive(() => {
      if (this.#serverOver) return;
      this.#serverOver = true;
      this.#serverReport?.({ type: 'connection-close', id: this.serverEnd?.id ?? 0, ...end });
    });
  }

  /** One end wants to hear nothing any more. */
  abandon(side: 'client' | 'server'): void {
    if (side === 'server') this.#serverOver = true;
    else {
      this.#clientOver = true;
      this.network.forget(this);
    }
  }

  /** The way is cut: what is under way is lost, and each end learns of it, or not. */
  cut(client: Notice, server: Notice): void {
    this.up.dies();
    this.down.dies();
    const tell = (notice: Notice, end: () => void): void => {
      if (notice === 'now') end();
      else if (notice === 'late') this.network.world.schedule(end, this.network.between(100, 9000));
    };
    tell(client, () => this.endClient(CUT_OFF));
    tell(server, () => this.endServer(CUT_OFF));
  }
}

/** One end of a connection, as its driver sees it. */
class End implements Connection {
  readonly id: ConnectionId;
  readonly #link: FaultyLink;
  readonly #side: 'client' | 'server';
  protocol = TOKEN;
  readonly extensions = '';
  #backedUp = false;
  /** When it said so: what follows in a later step was to wait. */
  #backedUpAt = 0;

  constructor(link: FaultyLink, side: 'client' | 'server', id: ConnectionId = 0) {
    this.#link = link;
    this.#side = side;
    this.id = id;
  }

  get url(): string {
    return this.#link.url;
  }

  get bufferedAmount(): number {
    return this.#way.under;
  }

  get #way(): Way {
    return this.#side === 'client' ? this.#link.up : this.#link.down;
  }

  /** To the other end. */
  #tell(report: ConnectionReport): void {
    if (this.#side === 'client') this.#link.toServer(report);
    else this.#link.toClient(report);
  }

  /** To this end. */
  #own(report: ConnectionReport): void {
    if (this.#side === 'client') this.#link.toClient(report);
    else this.#link.toServer(report);
  }

  send(data: Data): void {
    const copy = detached(data);
    const { weather, wire } = this.#link.network;
    const { window } = weather;
    this.#link.used();
    const { world, client } = this.#link.network;
    const told = this.#backedUp && world.now() > this.#backedUpAt && !(this.#side === 'client' && client.isStopped);
    if (told && !isControl(data)) this.#link.network.pushed++;
    wire[this.#side].count(copy, this.#side === 'client');
    if (weather.loses(copy, this.#side)) return;
    if (byteLength(copy) > weather.maxFrame) {
      const tooBig = { code: 1009, reason: '', wasClean: true };
      this.#way.travel(() => {
        this.#link.endServer(tooBig);
        this.#link.endClient(tooBig);
      }, 0);
      return;
    }
    this.#way.travel(() => {
      this.#tell({ type: 'message-received', id: 0, data: copy });
      if (this.#backedUp && this.#way.under <= window / 2) {
        this.#backedUp = false;
        this.#own({ type: 'connection-writable', id: 0 });
      }
    }, byteLength(copy));
    if (!this.#backedUp && this.#way.under > window) {
      this.#backedUp = true;
      this.#backedUpAt = world.now();
      this.#own({ type: 'connection-backed-up', id: 0 });
    }
  }

  close(code: number, reason: string): void {
    const end = { code, reason, wasClean: true };
    const [there, here] =
      this.#side === 'client' ? (['endServer', 'endClient'] as const) : (['endClient', 'endServer'] as const);
    this.#way.travel(() => {
      this.#link[there](end);
      const back = this.#side === 'client' ? this.#link.down : this.#link.up;
      back.travel(() => this.#link[here](end), 0);
    }, 0);
  }

  terminate(code: number, reason: string): void {
    const there = this.#side === 'client' ? 'endServer' : 'endClient';
    this.#way.travel(() => this.#link[there]({ code, reason, wasClean: true }), 0);
    this.#link.abandon(this.#side);
  }
}
