import { Heartbeat } from './heartbeat.js';
import type { ConnectionId, Data, Ending, HeartbeatConfig, RotationCause } from './types.js';

/** A connection that is open for the application. What it counts depends on whether there is a session. */
export class Link {
  readonly id: ConnectionId;
  readonly since: number;
  readonly heartbeat: Heartbeat;
  /** The transport has taken all it should for now; the rest waits in the outbox. */
  backedUp = false;
  /** When another connection shall take over. */
  rotateAt: number = Number.POSITIVE_INFINITY;
  rotateFor: RotationCause = 'age';

  // In a session: the numbers of the next message to go out on it, and of the next to come in. See `delivery.ts`.
  cursor = 0;
  expected = 0;
  /** The question whose answer waits until the transport takes more. */
  owed: number | undefined;
  /** How it ended, when the session had moved to the connection that was to take over. */
  moved: Ending | undefined;
  /** The last question, and when it was asked. */
  #asked: { readonly id: number; readonly at: number } | undefined;

  // Without one: what may be lost.
  readonly #config: HeartbeatConfig;
  /** Messages handed to this connection, and how many of them an answered probe has proven to have arrived. */
  #sent = 0;
  #confirmed = 0;
  #inherited = 0;
  /** `#sent` at the time of each unanswered probe that was a message: answers come in the order of the questions. */
  readonly #probes: number[] = [];

  constructor(id: ConnectionId, config: HeartbeatConfig, canPing: boolean, now: number) {
    this.id = id;
    this.since = now;
    this.#config = config.kind === 'probe' && !config.message && !canPing ? { kind: 'none' } : config;
    this.heartbeat = new Heartbeat(this.#config, now);
  }

  /** A question is put; its id. */
  ask(now: number): number {
    const id = (this.#asked?.id ?? 0) + 1;
    this.#asked = { id, at: now };
    return id;
  }

  /** The round trip in ms, if this answers the last question. */
  answered(id: number, now: number): number | undefined {
    return this.#asked?.id === id ? now - this.#asked.at : undefined;
  }

  /** What a connection before this one may have lost. */
  inherit(unconfirmed: number): void {
    this.#inherited = unconfirmed;
  }

  /**
   * Messages that nothing proves to have arrived. The answer to our own close frame proves all: it came behind them. A
   * peer that closes first may have stopped reading before.
   */
  unconfirmed(answered = false): number {
    return this.#inherited + (answered ? 0 : this.#sent - this.#confirmed);
  }

  wrote(now: number): void {
    this.#sent++;
    this.heartbeat.wrote(now);
  }

  /** A message arrived: is it the application's, or a heartbeat? */
  received(data: Data, now: number): 'message' | 'heartbeat' {
    this.heartbeat.heard(now);
    if (this.#config.kind === 'none' || !this.#config.isReply?.(data)) return 'message';
    this.#confirm(this.#probes.shift());
    return 'heartbeat';
  }

  /** The payload is that of {@link probe}, or of a pong that nobody asked for (RFC 6455 §5.5.3). */
  pong(payload: string, now: number): void {
    this.heartbeat.heard(now);
    this.#confirm(Number(payload));
  }

  /** The heartbeat to send: a message, or the payload of a ping, which says what its pong will prove to have arrived. */
  probe(now: number): { readonly message: Data } | { readonly payload: string } {
    const config = this.#config;
    if (config.kind === 'none' || !config.message) return { payload: String(this.#sent) };
    // What a peer announces is no answer, and one that cannot be told from a message proves nothing either.
    if (config.kind === 'probe' && config.isReply) this.#probes.push(this.#sent);
    this.heartbeat.wrote(now);
    return { message: config.message() };
  }

  /** The number may be a hostile peer's. */
  #confirm(sent = 0): void {
    if (Number.isInteger(sent) && sent > this.#confirmed && sent <= this.#sent) this.#confirmed = sent;
  }
}
