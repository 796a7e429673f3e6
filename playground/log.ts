/** The log: every step of the machine that did something, newest first, and what you did in between. */
import type { Inspection } from 'longsocket';
import { type Line, lineOf } from './words.js';

/** Lines on screen. */
const capacity = 300;
/** Steps kept for copying: the numbers, which make no line, are among them. */
const memory = 2000;

export class Log {
  /** Where the lines are; on the page or not. */
  readonly list: HTMLElement;
  readonly #start = performance.now();
  #steps: Inspection[] = [];

  constructor(list: HTMLElement) {
    this.list = list;
    list.className = 'log';
  }

  step(inspection: Inspection): void {
    this.#steps.push(inspection);
    if (this.#steps.length > 2 * memory) this.#steps = this.#steps.slice(-memory);
    const line = lineOf(inspection);
    if (line) this.#write(line);
  }

  /** Something that was done to the socket from outside. */
  you(text: string): void {
    this.#write({ input: `you: ${text}`, effects: '', kind: 'you' });
  }

  /** The steps as they were reported, for a bug report or a replay. */
  toJSON(): readonly Inspection[] {
    return this.#steps.slice(-memory);
  }

  #write({ input, effects, kind }: Omit<Line, 'kind'> & { kind: Line['kind'] | 'you' }): void {
    const item = document.createElement('li');
    item.dataset.kind = kind;
    const time = document.createElement('time');
    time.textContent = ((performance.now() - this.#start) / 1000).toFixed(3);
    const words = document.createElement('span');
    words.append(Object.assign(document.createElement('b'), { textContent: input }));
    if (effects) words.append(` → ${effects}`);
    item.append(time, words);
    // Someone who has scrolled down to read is not to be moved by what comes in above.
    const scroller = this.list.parentElement;
    const reading = scroller !== null && scroller.scrollTop > 0;
    const height = this.list.offsetHeight;
    this.list.prepend(item);
    if (reading) scroller.scrollTop += this.list.offsetHeight - height;
    while (this.list.childElementCount > capacity) this.list.lastElementChild?.remove();
  }
}
