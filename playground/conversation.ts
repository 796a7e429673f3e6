/**
 * The server's application. It counts aloud to each visitor, on each of the two lanes, whether or not somebody is there to
 * listen, and counts what it hears. Its servers come and go; what it has said and heard stays.
 */
import type { ServerSocket } from 'longsocket/server';
import { offer } from './offer.js';
import { type LaneName, laneNames } from './settings.js';
import { type Heard, parseSpoken, spoken, Tally } from './tally.js';

/** Longer than the page's heartbeat interval: a ticker that is never silent would leave the heartbeat nothing to do. */
const tickInterval = 5000;

/** How long a visitor is remembered who has no connection, in ms. */
const memory = 150_000;

/** Everybody who has the page open. */
export class Visitors {
  readonly #byId = new Map<string, Visitor>();
  /** Whose a session is: a server that takes one over may not know the address it came from. */
  readonly #bySession = new Map<string, Conversation>();

  /** How fast to count for a visitor, in messages a second on each lane; 0 for not at all. */
  count(id: string, rate: number): void {
    this.#forget();
    this.#visitor(id).count(rate);
  }

  heard(id: string | undefined): Record<LaneName, Heard> | null {
    return this.#byId.get(id ?? '')?.heard ?? null;
  }

  /** A session or a plain connection has come to one of the servers. */
  welcome(socket: ServerSocket): void {
    const { session, request } = socket;
    const id = new URL(request.url ?? '/', 'ws://playground').searchParams.get('visitor');
    const known = session === undefined ? undefined : this.#bySession.get(session);
    const lane = session === undefined ? 'plain' : 'session';
    const conversation = known ?? (id === null ? new Conversation(lane) : this.#visitor(id).lanes[lane]);
    if (session !== undefined) this.#bySession.set(session, conversation);
    conversation.goOn(socket);
    tick(socket);
  }

  close(): void {
    for (const visitor of this.#byId.values()) visitor.count(0);
  }

  #visitor(id: string): Visitor {
    const visitor = this.#byId.get(id) ?? new Visitor();
    this.#byId.set(id, visitor);
    return visitor;
  }

  #forget(): void {
    const gone = performance.now() - memory;
    for (const [id, visitor] of this.#byId) {
      if (visitor.seenAt > gone) continue;
      visitor.count(0);
      this.#byId.delete(id);
      for (const [session, conversation] of this.#bySession) {
        if (conversation === visitor.lanes.session) this.#bySession.delete(session);
      }
    }
  }
}

class Visitor {
  readonly lanes: Record<LaneName, Conversation> = {
    session: new Conversation('session'),
    plain: new Conversation('plain'),
  };
  #timer: NodeJS.Timeout | undefined;

  count(rate: number): void {
    clearInterval(this.#timer);
    this.#timer = rate > 0 ? setInterval(() => this.#say(), 1000 / rate) : undefined;
  }

  #say(): void {
    for (const name of laneNames) this.lanes[name].say();
  }

  get seenAt(): number {
    return Math.max(...laneNames.map((name) => this.lanes[name].seenAt));
  }

  get heard(): Record<LaneName, Heard> {
    return { session: this.lanes.session.tally.heard, plain: this.lanes.plain.tally.heard };
  }
}

/** One lane of one visitor, over all its connections and servers. */
class Conversation {
  readonly tally = new Tally();
  readonly #lane: LaneName;
  #socket: ServerSocket | undefined;
  #said = 0;
  #leftAt = performance.now();
  /** Whether the other end wants to hear: until it says goodbye. */
  #wanted = false;

  constructor(lane: LaneName) {
    this.#lane = lane;
  }

  get seenAt(): number {
    return this.#socket ? performance.now() : this.#leftAt;
  }

  goOn(socket: ServerSocket): void {
    this.#socket = socket;
    this.#wanted = true;
    socket.on('message', (data) => {
      const said = parseSpoken(data);
      if (said) this.tally.add(said);
      else offer(socket, data === 'ping' ? 'pong' : data);
    });
    socket.on('close', ({ cause, code }) => {
      if (this.#socket !== socket) return; // Another has taken over.
      this.#socket = undefined;
      this.#leftAt = performance.now();
      // 1001, 1005: a page that goes. Whoever was cut off, or sent away from here, comes back.
      if (cause === 'expired' || (cause === 'peer' && [1000, 1001, 1005].includes(code))) this.#wanted = false;
    });
  }

  /**
   * Says the next number. A session takes it whether the client is connected or not, and while it moves to another
   * server, the number waits. Without a session, what is to be said while nobody is connected is said to nobody.
   */
  say(): void {
    if (!this.#wanted) return;
    const accepted = this.#socket !== undefined && offer(this.#socket, spoken(this.#said + 1));
    if (accepted || this.#lane === 'plain') this.#said += 1;
  }
}

/** Now and then there is a tick. */
function tick(socket: ServerSocket): void {
  let ticks = 0;
  const ticker = setInterval(() => {
    if (socket.state.status === 'connected') offer(socket, `tick ${++ticks}`);
  }, tickInterval);
  socket.on('close', () => clearInterval(ticker));
}
