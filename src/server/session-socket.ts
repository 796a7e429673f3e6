import type { Resume } from '../core/frames.js';
import type { Peer } from '../core/peer.js';
import type { ConnectionId, Data, Effect, Input, PeerSnapshot, Remains } from '../core/types.js';
import type { Connection } from '../io/connection.js';
import type { SocketOptions } from '../socket/options.js';
import { Socket } from '../socket/socket.js';
import type { UpgradeRequest } from './accept.js';

/** Servers seldom sleep, and thousands of sessions that look whether they did are a load. In ms. */
const NAP = 20_000;

/** What a server's end tells the server that keeps it. */
export interface Keeper {
  ended(session: string, remains: Remains): void;
  /** Says goodbye on a connection, and sees to it that it ends. */
  leave(connection: Connection, code: number, reason: string): void;
}

/** What the machine of a session needs beside the options of its socket. */
export interface Seat<Request> {
  readonly peer: Peer;
  readonly principal: string | undefined;
  readonly request: Request;
  readonly maxBufferedBytes: number;
  readonly maxBufferedMessages: number;
}

/**
 * The server's end of a session: the same shape as the client's, and it survives the client's reconnects and rotations. While its
 * client is away it is `connecting` (with `attempt` 0), and what is sent waits.
 */
export class SessionSocket<In = Data, Out = Data, Request extends UpgradeRequest = UpgradeRequest> extends Socket<
  In,
  Out
> {
  /** Who `authenticate` said this is. */
  readonly principal: string | undefined;
  /**
   * Its messages need not be text and bytes.
   * @internal
   */
  readonly hasCodec: boolean;
  readonly #keeper: Keeper;
  #request: Request;
  #released: ((snapshot: PeerSnapshot | undefined) => void) | undefined;

  /** Made by a `LongSocketServer`. */
  constructor(seat: Seat<Request>, options: SocketOptions<In, Out>, keeper: Keeper) {
    const { peer, maxBufferedBytes, maxBufferedMessages } = seat;
    super({ maxBufferedBytes, maxBufferedMessages, overflow: 'throw', nap: NAP }, options, () => peer, true);
    this.principal = seat.principal;
    this.hasCodec = options.codec !== undefined;
    this.#request = seat.request;
    this.#keeper = keeper;
  }

  /** The upgrade request of the newest connection. */
  get request(): Request {
    return this.#request;
  }

  /** The path and query the client asked for. */
  override get url(): string {
    return this.#request.url ?? '';
  }

  // --- for the server that keeps it, and nobody else ---------------------------------------------------------------

  /** A connection of this session's has come: the first, or one that resumes it. */
  attach(id: ConnectionId, connection: Connection, request: Request, jitter: number, resume?: Resume): void {
    this.#request = request;
    this.adopt(id, connection);
    this.driver.dispatch({ type: 'attach', id, jitter, resume });
  }

  /** There is room again, of all sessions together. */
  override resumeWrites(): void {
    super.resumeWrites();
  }

  /** @internal */
  instruct(input: Extract<Input, { type: 'go-away' | 'evict' | 'timeout' }>): void {
    this.driver.dispatch(input);
  }

  /** Gives the session up to another server, and to one alone. Resolves with what that one needs; with nothing, if it ends before. */
  release(): Promise<PeerSnapshot | undefined> {
    if (this.#released || this.state.status === 'closed') return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#released = resolve;
      // Behind whatever listener is at work: what it was called with is read.
      Promise.resolve().then(() => this.driver.dispatch({ type: 'release' }));
    });
  }

  /** What its connections report comes here. */
  get reports(): (report: Parameters<typeof this.report>[0]) => void {
    return this.report;
  }

  protected override perform(effect: Effect): void {
    switch (effect.type) {
      case 'ended':
        this.#released?.(undefined);
        this.#keeper.ended(this.session as string, effect.remains);
        break;
      case 'released':
        this.#released?.(effect.snapshot);
        break;
      case 'hang-up': {
        // What is said goodbye to is no connection of this session's any more: another may be on its way.
        const connection = this.connection(effect.id);
        this.forget(effect.id);
        if (connection) this.#keeper.leave(connection, effect.code, effect.reason);
        break;
      }
      default:
        super.perform(effect);
    }
  }
}
