/**
 * What happened to the socket, as the timeline and the figures want to know it: read off the steps that `inspect`
 * reports, and nothing else.
 */
import type { Data, Effect, Inspection, State } from 'longsocket';
import { parseSpoken } from './tally.js';
import { isPing, isPong } from './words.js';

/** The state in the words of the timeline: `connecting` is two things to a watcher, and so is `connected`. */
export type Look = 'dialing' | 'waiting' | 'connected' | 'closing' | 'closed';

export type Mark =
  | 'dial'
  | 'dial-failed'
  | 'opened'
  | 'lost'
  | 'probe'
  | 'reply'
  | 'probe-unanswered'
  | 'sent'
  | 'received';

export interface Span {
  readonly look: Look;
  /** In ms of `performance.now()`, as all times here. */
  readonly from: number;
}

export interface Event {
  readonly mark: Mark;
  readonly at: number;
}

export interface Sample {
  readonly at: number;
  /** In ms; `null` is a gap, where a connection was lost. */
  readonly rtt: number | null;
}

export interface Fault {
  readonly name: string;
  readonly at: number;
}

/** How far back anything is remembered. A little more than is shown, so that nothing pops out at the edge. */
export const memory = 65_000;

export function lookOf(state: State): Look {
  if (state.status === 'connecting') return state.delay > 0 ? 'waiting' : 'dialing';
  if (state.status === 'connected') return state.closing ? 'closing' : 'connected';
  return 'closed';
}

export class History {
  spans: Span[] = [];
  events: Event[] = [];
  samples: Sample[] = [];
  faults: Fault[] = [];
  connections = 0;
  dials = 0;
  rotations = 0;
  sent = 0;
  received = 0;
  /** Round-trip time of the newest answered probe or echoed message, in ms. */
  rtt: number | undefined;
  /** When the probe that is unanswered so far was sent. */
  probedAt: number | undefined;
  /** When anything last came in on the connection of now. */
  heardAt: number | undefined;
  #dialing = false;
  /** Messages of ours on their way to the echo and back, by their text. */
  readonly #echoes = new Map<string, number>();

  fault(name: string, at = performance.now()): void {
    this.faults.push({ name, at });
  }

  step({ input, effects, state }: Inspection, at = performance.now()): void {
    if (input.type === 'connect') this.#disconnected();
    if (input.type === 'message-received') {
      this.heardAt = at;
      if (input.data === 'pong' || isPong(input.data)) this.#answered(at);
      else if (typeof input.data === 'string') this.#echoed(input.data, at);
      this.probedAt = undefined; // anything at all is a sign of life
    }
    for (const effect of effects) this.#effect(effect, at);
    const look = lookOf(state);
    if (this.spans.at(-1)?.look !== look) this.spans.push({ look, from: at });
    this.#forget(at - memory);
  }

  #effect(effect: Effect, at: number): void {
    switch (effect.type) {
      case 'dial':
        this.dials += 1;
        this.#dialing = true;
        this.#mark('dial', at);
        break;
      case 'write':
        if (!effect.control) this.#written(effect.data, effect.heartbeat === true, at);
        else if (isPing(effect.data)) this.#written(effect.data, true, at);
        break;
      case 'message':
        this.received += 1;
        this.#mark('received', at);
        break;
      case 'emit':
        this.#announced(effect, at);
        break;
    }
  }

  #announced(announcement: Extract<Effect, { type: 'emit' }>, at: number): void {
    switch (announcement.event) {
      case 'open':
        this.connections += 1;
        this.heardAt = at;
        this.#dialing = false;
        this.#mark('opened', at);
        break;
      case 'rotated':
        this.connections += 1;
        this.rotations += 1;
        this.#dialing = false;
        this.#mark('opened', at);
        break;
      case 'interrupted':
        this.#mark('lost', at);
        this.samples.push({ at, rtt: null });
        if (announcement.detail.cause === 'dead-peer') this.#mark('probe-unanswered', at);
        this.#disconnected();
        break;
      case 'reconnecting':
      case 'close':
        if (this.#dialing) this.#mark('dial-failed', at);
        this.#disconnected();
        break;
    }
  }

  #written(data: Data, isProbe: boolean, at: number): void {
    this.#mark(isProbe ? 'probe' : 'sent', at);
    if (isProbe) this.probedAt = at;
    else {
      this.sent += 1;
      // The numbers are not echoed.
      if (typeof data === 'string' && !parseSpoken(data)) this.#echoes.set(data, at);
    }
  }

  #disconnected(): void {
    this.#dialing = false;
    this.probedAt = undefined;
    this.heardAt = undefined;
    this.#echoes.clear();
  }

  #answered(at: number): void {
    this.#mark('reply', at);
    if (this.probedAt !== undefined) this.#sample(at, at - this.probedAt);
  }

  #echoed(text: string, at: number): void {
    const sentAt = this.#echoes.get(text);
    if (sentAt === undefined) return;
    this.#echoes.delete(text);
    this.#sample(at, at - sentAt);
  }

  #sample(at: number, rtt: number): void {
    this.rtt = rtt;
    this.samples.push({ at, rtt });
  }

  #mark(mark: Mark, at: number): void {
    this.events.push({ mark, at });
  }

  #forget(before: number): void {
    this.events = since(this.events, before);
    this.faults = since(this.faults, before);
    this.samples = since(this.samples, before);
    // The span in force at the edge began before it.
    while ((this.spans[1]?.from ?? before + 1) <= before) this.spans.shift();
  }
}

function since<T extends { at: number }>(list: T[], before: number): T[] {
  return (list[0]?.at ?? before) < before ? list.filter(({ at }) => at >= before) : list;
}
