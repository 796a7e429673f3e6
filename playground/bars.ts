/**
 * The connections of a socket as bars: from the dial to the end, and when it was in use in between. Read off the steps that
 * `inspect` reports. In a rotation two of them overlap, so they take turns in two rows.
 */
import type { Effect, Inspection } from 'longsocket';
import { memory } from './history.js';

export interface Bar {
  readonly row: number;
  /** When it was dialed. All times in ms of `performance.now()`. */
  readonly from: number;
  openAt?: number;
  /** When the socket began to use it, and when another took over. */
  usedFrom?: number;
  usedTo?: number;
  /** Its place among those that were used, from 1. */
  number?: number;
  /** When the network began to swallow what it carries. Neither end knows. */
  deadFrom?: number;
  to?: number;
  end?: 'done' | 'lost' | 'failed';
}

export class Bars {
  list: Bar[] = [];
  #row = 0;
  #used = 0;
  readonly #open = new Map<number, Bar>();
  #current: Bar | undefined;

  step({ input, effects }: Inspection, at = performance.now()): void {
    if (input.type === 'connection-open') {
      const bar = this.#open.get(input.id);
      if (bar) bar.openAt = at;
    }
    const lost = effects.some((effect) => effect.type === 'emit' && effect.event === 'interrupted');
    if (input.type === 'connection-close') this.#end(input.id, lost, at);
    for (const effect of effects) this.#effect(effect, lost, at);
    if ((this.list[0]?.to ?? at) < at - memory) this.list = this.list.filter(({ to = at }) => to >= at - memory);
  }

  #effect(effect: Effect, lost: boolean, at: number): void {
    if (effect.type === 'dial') {
      const bar: Bar = { row: this.#row, from: at };
      this.list.push(bar);
      this.#open.set(effect.id, bar);
    } else if (effect.type === 'terminate') {
      this.#end(effect.id, lost, at);
    } else if (effect.type === 'emit' && (effect.event === 'open' || effect.event === 'rotated')) {
      this.#use(at);
    }
  }

  /** The newest that is open is in use from now on. */
  #use(at: number): void {
    const bar = [...this.#open.values()].at(-1);
    if (!bar || bar === this.#current) return;
    if (this.#current) this.#current.usedTo ??= at;
    this.#used += 1;
    bar.usedFrom = at;
    bar.number = this.#used;
    this.#current = bar;
    this.#row = 1 - bar.row;
  }

  #end(id: number, lost: boolean, at: number): void {
    const bar = this.#open.get(id);
    if (!bar) return;
    this.#open.delete(id);
    bar.to = at;
    const used = bar.usedFrom !== undefined;
    bar.end = used ? (lost && bar === this.#current ? 'lost' : 'done') : 'failed';
    if (bar === this.#current) this.#current = undefined;
  }

  /** What is open now carries nothing any more. */
  silence(at = performance.now()): void {
    for (const bar of this.#open.values()) if (bar.openAt !== undefined) bar.deadFrom ??= at;
  }
}
