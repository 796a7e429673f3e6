import type { HeartbeatConfig } from './types.js';

/** How long a probe may stay unanswered after a wake, a network change or a return to the page, in ms. */
export const WAKE_LIMIT = 3000;

/** So many late checks in a row without an answer mean death. */
const LATE_PROBES = 3;

/**
 * Is the other end alive? One per open connection; it answers questions and does nothing by itself.
 *
 * Any frame is life. `probe` asks after `interval` of silence and gives up only on an unanswered question, never on
 * silence alone: a healthy server may have nothing to say, and a browser does not show protocol pings to the page.
 * `announce` is for peers that promise to speak every so often, where silence is the proof.
 *
 * A check that comes late says nothing about the peer, since the answer may sit unread beside the late timer: `wake`
 * asks (again) instead of judging. Only when three late checks in a row found no answer is the link given up: that is
 * a hidden tab, whose every timer is late, on a link that is dead indeed.
 */
export class Heartbeat {
  readonly #config: HeartbeatConfig;
  #heard: number;
  #wrote: number;
  /** When the outstanding probe is lost. */
  #probeUntil: number | undefined;
  #lateProbes = 0;
  /** Between `freeze` and the next sign of life nothing is judged: the process may be stopped at any point. */
  #frozen = false;

  constructor(config: HeartbeatConfig, now: number) {
    this.#config = config;
    this.#heard = now;
    this.#wrote = now;
  }

  /** When to call `check` next. */
  get deadline(): number | undefined {
    const config = this.#config;
    if (this.#frozen || config.kind === 'none') return undefined;
    if (config.kind === 'announce') return Math.min(this.#wrote + config.interval, this.#heard + config.timeout);
    // One who keeps the way open speaks up after his own silence as well: proxies listen to that.
    const silent = config.keepsOpen ? Math.min(this.#heard, this.#wrote) : this.#heard;
    return this.#probeUntil ?? silent + config.interval;
  }

  /** When something was last heard. */
  get heardAt(): number {
    return this.#heard;
  }

  /** A question is out, and not answered yet. */
  get asking(): boolean {
    return this.#probeUntil !== undefined;
  }

  /** Asks out of turn. */
  ask(now: number, limit: number): void {
    this.#probeUntil = now + limit;
  }

  /** A frame of any kind arrived. */
  heard(now: number): void {
    this.#heard = now;
    this.#probeUntil = undefined;
    this.#lateProbes = 0;
    this.#frozen = false;
  }

  /** Something was written, other than a protocol ping. */
  wrote(now: number): void {
    this.#wrote = now;
  }

  /** At `deadline`: nothing to do, time to write the heartbeat, or the peer is dead. */
  check(now: number): 'ok' | 'ping' | 'half-open' {
    const config = this.#config;
    const { deadline } = this;
    if (deadline === undefined || now < deadline || config.kind === 'none') return 'ok';
    if (config.kind === 'announce') return now >= this.#heard + config.timeout ? 'half-open' : 'ping';
    if (this.#probeUntil !== undefined) return 'half-open';
    this.#probeUntil = now + config.timeout;
    return 'ping';
  }

  /** Time was lost, or the network may have changed: ask at once, with a short limit. */
  wake(now: number): 'ok' | 'ping' | 'half-open' {
    const config = this.#config;
    this.#frozen = false;
    if (config.kind === 'none') return 'ok';
    const expired =
      config.kind === 'announce'
        ? now >= this.#heard + config.timeout
        : this.#probeUntil !== undefined && now >= this.#probeUntil;
    if (expired && ++this.#lateProbes >= LATE_PROBES) return 'half-open';
    if (config.kind === 'announce') {
      // Nothing can be asked. The peer gets one interval to keep its promise.
      this.#heard = Math.max(this.#heard, now + config.interval - config.timeout);
      return now >= this.#wrote + config.interval ? 'ping' : 'ok';
    }
    const limit = now + Math.min(config.timeout, WAKE_LIMIT);
    this.#probeUntil = expired ? limit : Math.min(this.#probeUntil ?? limit, limit);
    return 'ping';
  }

  /** The page or process is about to be stopped. */
  freeze(): void {
    this.#frozen = true;
  }
}
