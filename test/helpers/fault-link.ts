/**
 * One connection through the {@link FaultProxy}: a client's socket, a socket to the target, and a lane each way.
 * The proxy decides what goes wrong; a link only knows how to do it to itself.
 */
import type { Socket } from 'node:net';

/** How a connection ends: orderly, as when a process closes it, or reset, as when a box on the way forgets it. */
export type CutKind = 'rst' | 'fin';

/** What holds for every connection at this moment; shared with, and only changed by, the proxy. */
export interface Weather {
  stalled: boolean;
  /** Delay of each chunk in one direction, in ms. */
  latency: number;
}

/** Past this many bytes held back, the lane stops reading, so that TCP's own backpressure reaches the sender. */
const laneCapacity = 1024 * 1024;

/** One direction. Chunks, and the end behind them, leave in the order in which they came, each when it is due. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: Weather;
  readonly #onDelivered: (bytes: number) => void;
  #queue: { due: number; item: Buffer | CutKind }[] = [];
  #held = 0;
  #lastDue = 0;
  #blocked = false;
  #dropping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, weather: Weather, onDelivered: (bytes: number) => void) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    this.#onDelivered = onDelivered;
    from.on('data', (chunk: Buffer) => this.#push(chunk));
    from.on('end', () => this.#push('fin'));
    from.on('close', (hadError) => hadError && this.#push('rst'));
    to.on('drain', () => {
      this.#blocked = false;
      this.pump();
    });
  }

  #push(item: Buffer | CutKind): void {
    if (this.#dropping) return;
    // A latency that was lowered meanwhile must not let a later chunk overtake an earlier one.
    this.#lastDue = Math.max(this.#lastDue, performance.now() + this.#weather.latency);
    this.#queue.push({ due: this.#lastDue, item });
    if (typeof item !== 'string') this.#held += item.length;
    this.pump();
    if (this.#held > laneCapacity) this.#from.pause();
  }

  /** Delivers what is due, and sees to it that the rest is delivered when it is. */
  pump(): void {
    clearTimeout(this.#timer);
    if (this.#weather.stalled || this.#blocked) return;
    for (let head = this.#queue[0]; head; head = this.#queue[0]) {
      const wait = head.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(wait));
        break;
      }
      this.#queue.shift();
      this.#deliver(head.item);
      if (this.#blocked) break;
    }
    if (this.#held <= laneCapacity && this.#from.isPaused()) this.#from.resume();
  }

  #deliver(item: Buffer | CutKind): void {
    if (item === 'fin') this.#to.end();
    else if (item === 'rst') this.#to.resetAndDestroy();
    else {
      this.#held -= item.length;
      this.#onDelivered(item.length);
      this.#blocked = !this.#to.write(item);
    }
  }

  /** From now on this lane leads nowhere. It goes on reading: a full pipe would be a sign of life, or of death. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#dropping = true;
    this.#queue = [];
    this.#held = 0;
    this.#from.resume();
  }
}

export interface LinkCounters {
  onUp: (bytes: number) => void;
  onDown: (bytes: number) => void;
}

/** A client's connection and, unless it hangs, the one to the target behind it. */
export class Link {
  /** Resolves when its sockets are closed. */
  readonly gone: Promise<unknown>;
  readonly #client: Socket;
  readonly #target: Socket | undefined;
  readonly #lanes: Lane[] = [];
  readonly #since = performance.now();
  readonly #finished = new Set<Socket>();
  #fate: 'passing' | 'silent' | 'cut';
  #ageTimer: NodeJS.Timeout | undefined;

  /** Without a target the link is silent from the start: TCP is accepted and that was all. */
  constructor(client: Socket, target: Socket | undefined, weather: Weather, counters: LinkCounters) {
    this.#client = client;
    this.#target = target;
    this.#fate = target ? 'passing' : 'silent';
    if (target) {
      this.#lanes.push(
        new Lane(client, target, weather, counters.onUp),
        new Lane(target, client, weather, counters.onDown),
      );
    } else client.resume();
    this.gone = Promise.all(this.#sockets.map((socket) => this.#watch(socket)));
  }

  #watch(socket: Socket): Promise<void> {
    socket.setNoDelay(true);
    socket.on('error', () => {}); // told by 'close', which follows
    socket.on('end', () => this.#finish(socket));
    return new Promise((resolve) => {
      socket.on('close', () => {
        this.#finish(socket);
        if (this.#sockets.every((each) => each.closed)) clearTimeout(this.#ageTimer);
        resolve();
      });
    });
  }

  get #sockets(): Socket[] {
    return this.#target ? [this.#client, this.#target] : [this.#client];
  }

  /** Whether the client still holds its end, whatever has become of the other. */
  get held(): boolean {
    return this.#fate !== 'cut' && !this.#finished.has(this.#client);
  }

  get passing(): boolean {
    return this.#fate === 'passing';
  }

  pump(): void {
    for (const lane of this.#lanes) lane.pump();
  }

  /** Swallows everything from now on, both ways, the ends of the connection included. Nothing heals a silent link. */
  silence(): void {
    if (this.#fate !== 'passing') return;
    this.#fate = 'silent';
    clearTimeout(this.#ageTimer);
    this.#dropLanes();
  }

  /** Ends the connection for both ends; what was held back in it is lost. */
  cut(kind: CutKind): void {
    if (this.#fate !== 'passing') return;
    this.#fate = 'cut';
    clearTimeout(this.#ageTimer);
    this.#dropLanes();
    for (const socket of this.#sockets) {
      if (kind === 'rst') socket.resetAndDestroy();
      else socket.end();
    }
  }

  /** Cuts the link when it is `ms` old, at once if it is older already; `undefined` takes the limit away. */
  limitAge(ms: number | undefined, kind: CutKind): void {
    clearTimeout(this.#ageTimer);
    if (ms === undefined || this.#fate !== 'passing') return;
    const left = Math.max(0, ms - (performance.now() - this.#since));
    this.#ageTimer = setTimeout(() => this.cut(kind), left);
  }

  destroy(): void {
    clearTimeout(this.#ageTimer);
    this.#dropLanes();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** A silent link passes no end on; once both ends have given it up, nobody is left to be deceived. */
  #finish(socket: Socket): void {
    this.#finished.add(socket);
    if (this.#fate !== 'passing' && this.#finished.size === this.#sockets.length) this.destroy();
  }

  #dropLanes(): void {
    for (const lane of this.#lanes) lane.drop();
  }
}
