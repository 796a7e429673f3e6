/** One lane of the comparison: a socket, the numbers it says and hears, and all that is known of it. */
import { type Inspection, LongSocket, LongSocketError, type LongSocketOptions } from 'longsocket';
import type { LaneStatus } from './api.js';
import { Bars } from './bars.js';
import { History, memory } from './history.js';
import { Log } from './log.js';
import type { LaneName } from './settings.js';
import { type Heard, parseSpoken, spoken, Tally } from './tally.js';

export class Lane {
  readonly name: LaneName;
  readonly history = new History();
  readonly bars = new Bars();
  readonly log: Log;
  /** What the page has heard of the server's numbers. */
  readonly tally = new Tally();
  /** What the server has heard of the page's; behind by as much as the page asks it seldom. */
  heardThere: Heard | undefined;
  /** How things really are. */
  reality: LaneStatus | undefined;
  socket: LongSocket | undefined;
  url = '';
  options: LongSocketOptions = {};
  /** When the state last changed. */
  since = performance.now();
  /** When numbers were said and heard, for the plot. */
  saidAt: number[] = [];
  heardAt: number[] = [];
  #said = 0;
  /** Counts the sockets, so that the last words of a replaced one are not taken for its successor's. */
  #generation = 0;
  readonly #onStep: (step: Inspection) => void;

  constructor(name: LaneName, onStep: (step: Inspection) => void) {
    this.name = name;
    this.log = new Log(document.createElement('ol'));
    this.#onStep = onStep;
  }

  get title(): string {
    return this.name === 'session' ? 'With a session' : 'Without';
  }

  /** Lost on the way, either way. */
  get lost(): number {
    return this.tally.lost + (this.heardThere?.lost ?? 0);
  }

  /** A socket, in the place of the one there is. */
  open(url: string, options: LongSocketOptions): void {
    this.socket?.close();
    this.#generation += 1;
    const mine = this.#generation;
    const inspect = (step: Inspection): void => {
      if (mine === this.#generation) this.#show(step);
    };
    [this.url, this.options] = [url, options];
    this.socket = new LongSocket(url, { ...options, inspect });
    this.socket.on('message', (data) => {
      const number = parseSpoken(data);
      if (!number) return;
      this.tally.add(number);
      this.heardAt.push(performance.now());
    });
  }

  #show(step: Inspection): void {
    this.history.step(step);
    this.bars.step(step);
    this.log.step(step);
    if (step.effects.some((effect) => effect.type === 'emit' && effect.event === 'state'))
      this.since = performance.now();
    this.#onStep(step);
  }

  /** Says the next number. One that the socket does not take (it is closed, or full) is not said. */
  say(): void {
    try {
      this.socket?.send(spoken(this.#said + 1));
    } catch (error) {
      if (error instanceof LongSocketError) return;
      throw error;
    }
    this.#said += 1;
    this.saidAt.push(performance.now());
    const oldest = performance.now() - memory;
    if ((this.saidAt[0] ?? oldest) < oldest - 10_000) this.saidAt = this.saidAt.filter((at) => at > oldest);
    if ((this.heardAt[0] ?? oldest) < oldest - 10_000) this.heardAt = this.heardAt.filter((at) => at > oldest);
  }
}
