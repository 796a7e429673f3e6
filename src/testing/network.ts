import { CUT_OFF } from '../core/close-code.js';
import { detached } from '../core/outbox.js';
import type { ConnectionEnd, ConnectionId, Data } from '../core/types.js';
import type { BinaryType, Connection, Dial, DialRequest, Report, ServerConnection } from '../io/connection.js';
import type { VirtualClock } from './virtual-clock.js';

/** Options of a {@link SimulatedNetwork}. */
export interface NetworkOptions {
  /** The same that the sockets are given. */
  readonly clock: VirtualClock;
  /** Where delays are drawn from: {@link seededRandom}, say. @default always 0: the least latency */
  readonly random?: (() => number) | undefined;
  /** One way, in ms: fixed, or uniform between two bounds. The order within a connection is kept. @default 10 */
  readonly latency?: number | readonly [least: number, most: number] | undefined;
  /** Connections have protocol pings, as in Node; `false`: as in a browser. @default true */
  readonly canPing?: boolean | undefined;
}

/** What becomes of dials. `refuse`: they fail; `hang`: nothing ever comes of them; a number: answered with this HTTP status. */
export type DialFate = 'accept' | 'refuse' | 'hang' | number;

/**
 * A network in memory between clients and one server, with the faults of real ones. Give its `dial` to a `LongSocket`:
 * nothing is sent anywhere, and time is the clock's.
 */
export class SimulatedNetwork {
  /** The clock that it was given. */
  readonly clock: VirtualClock;
  readonly #random: () => number;
  readonly #latency: readonly [number, number];
  readonly #canPing: boolean;
  readonly #links = new Set<SimulatedLink>();
  #serve: (connection: ServerConnection) => void = () => {};

  /** What becomes of dials from now on. */
  dials: DialFate = 'accept';
  /** Connections are cut at this age, in ms, by the server. */
  maxAge: number | undefined;
  /** Dials so far. */
  dialed = 0;
  /** The most attempts and connections that a client had at once. */
  mostAtOnce = 0;

  constructor({ clock, random = () => 0, latency = 10, canPing = true }: NetworkOptions) {
    this.clock = clock;
    this.#random = random;
    this.#latency = typeof latency === 'number' ? [latency, latency] : latency;
    this.#canPing = canPing;
  }

  /** Attempts and connections that the client has not been told the end of, and has not given up. */
  get open(): number {
    return this.#links.size;
  }

  /**
   * Called with the server's end of each connection; give it the `take` of a `LongSocketServer`. The connection opens when
   * `listener` returns, with the `protocol` that it has set, unless it calls `defer` or `refuse`.
   */
  serve(listener: (connection: ServerConnection) => void): void {
    this.#serve = listener;
  }

  /** Opens a connection: for option `dial`. */
  readonly dial: Dial = (request, report) => {
    const link = new SimulatedLink(this, request, report, this.#canPing);
    this.#links.add(link);
    this.dialed++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#links.size);
    const { dials } = this;
    if (dials === 'refuse') link.deliver(() => link.endClient(CUT_OFF));
    else if (typeof dials === 'number') link.deliver(() => link.endClient({ ...CUT_OFF, status: dials }));
    else if (dials === 'accept') {
      link.deliver(() => {
        this.#serve(link.server);
        link.returned();
        if (this.maxAge !== undefined) this.clock.schedule(() => link.cut(), this.maxAge);
      });
    }
    return link;
  };

  /** Cuts every connection: both ends see it at once, and what is on its way is lost. */
  cut(): void {
    for (const link of [...this.#links]) link.cut();
  }

  /** From now on nothing passes on the connections there are, and nobody is told. They never heal. */
  silence(): void {
    for (const link of this.#links) link.silent = true;
  }

  /** One way, drawn anew. */
  delay(): number {
    const [least, most] = this.#latency;
    return least + this.#random() * (most - least);
  }

  /** @internal */
  forget(link: SimulatedLink): void {
    this.#links.delete(link);
  }
}

/** Both ends of one connection, and the way between them. */
class SimulatedLink implements Connection {
  readonly #network: SimulatedNetwork;
  readonly #id: ConnectionId;
  readonly #report: Report;
  readonly url: string;
  readonly server: ServerConnection;
  readonly ping?: (payload: string) => void;
  /** Nothing passes any more. */
  silent = false;
  #clientOver = false;
  #serverOver = false;
  /** The server has let the client in, or refused it. */
  #answered = false;
  #deferred = false;
  /** When the last of what is under way arrives: order is kept. */
  #lastArrival = { up: 0, down: 0 };

  constructor(network: SimulatedNetwork, request: DialRequest, report: Report, canPing: boolean) {
    const { id } = request;
    this.#network = network;
    this.#id = id;
    this.#report = report;
    this.url = request.url;
    this.server = this.#serverEnd(request);
    if (canPing)
      this.ping = (payload) => this.#up(() => this.#down(() => report({ type: 'pong-received', id, payload })));
  }

  #serverEnd({ id, url, protocols, headers, node, binaryType }: DialRequest): ServerConnection {
    const report = this.#report;
    return {
      url,
      protocols,
      headers: headersOf({ ...(node?.origin && { origin: node.origin }), ...headers }),
      protocol: '',
      onmessage: () => {},
      onpong: () => {},
      onclose: () => {},
      defer: () => {
        this.#deferred = true;
      },
      open: () => this.#open(),
      refuse: (status) => {
        if (this.#answered) throw new Error('the connection is open already');
        this.#answered = this.#serverOver = true;
        this.#down(() => this.endClient({ ...CUT_OFF, status }));
      },
      send: (data) => {
        this.#open();
        const copy = arriving(data, binaryType);
        this.#down(() => report({ type: 'message-received', id, data: copy }));
      },
      ping: (payload) => {
        this.#open();
        this.#down(() => {
          if (this.ping) report({ type: 'ping-received', id });
          this.#up(() => this.server.onpong(payload));
        });
      },
      close: (code = 1005, reason = '') => {
        this.#open();
        this.#down(() => {
          this.endClient({ code, reason, wasClean: true });
          this.#up(() => this.#endServer({ code, reason, wasClean: true }));
        });
      },
      terminate: () => {
        this.#answered = this.#serverOver = true;
        this.#down(() => this.endClient(CUT_OFF));
      },
    };
  }

  get protocol(): string {
    return this.server.protocol;
  }

  readonly extensions = '';
  readonly bufferedAmount = 0;

  /** The server has been told of it. */
  returned(): void {
    if (!this.#deferred) this.#open();
  }

  /** Before anything that the server sends. */
  #open(): void {
    if (this.#answered) return;
    this.#answered = true;
    const { protocol } = this;
    this.#down(() => {
      this.#report({ type: 'connection-open', id: this.#id, canPing: this.ping !== undefined, protocol });
    });
  }

  send(data: Data): void {
    const copy = detached(data);
    this.#up(() => this.server.onmessage(copy));
  }

  close(code: number, reason: string): void {
    this.#up(() => {
      this.#endServer({ code, reason, wasClean: true });
      this.deliver(() => this.endClient({ code, reason, wasClean: true }));
    });
  }

  terminate(code: number, reason: string): void {
    this.#up(() => this.#endServer({ code, reason, wasClean: true }));
    this.#clientOver = true;
    this.#network.forget(this);
  }

  cut(): void {
    this.silent = true;
    this.endClient(CUT_OFF);
    this.#endServer(CUT_OFF);
  }

  endClient(end: ConnectionEnd): void {
    if (this.#clientOver) return;
    this.#clientOver = true;
    this.#network.forget(this);
    this.#report({ type: 'connection-close', id: this.#id, ...end });
  }

  #endServer(end: ConnectionEnd): void {
    if (this.#serverOver) return;
    this.#serverOver = true;
    this.server.onclose(end);
  }

  #up(happen: () => void): void {
    this.#travel('up', () => this.#serverOver || happen());
  }

  #down(happen: () => void): void {
    this.#travel('down', () => this.#clientOver || happen());
  }

  /** To the client, whatever the server's end has come to. */
  deliver(happen: () => void): void {
    this.#down(happen);
  }

  #travel(direction: 'up' | 'down', happen: () => void): void {
    const { clock } = this.#network;
    const arrival = Math.max(this.#lastArrival[direction], clock.now() + this.#network.delay());
    this.#lastArrival[direction] = arrival;
    clock.schedule(() => this.silent || happen(), arrival - clock.now());
  }
}

/** A copy, as the client has asked for bytes. */
function arriving(data: Data, binaryType: BinaryType): Data {
  const copy = detached(data);
  return binaryType === 'arraybuffer' && ArrayBuffer.isView(copy) ? (copy.buffer as ArrayBuffer) : copy;
}

/** By name in lower case, as servers see them. */
function headersOf(headers: NonNullable<DialRequest['headers']>): NonNullable<DialRequest['headers']> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
