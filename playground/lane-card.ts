/** What is shown of a lane of the comparison: the verdict, the counters of both directions, and the timeline. */
import { type Look, lookOf } from './history.js';
import type { Lane } from './lane.js';
import { startLanePlot } from './lane-plot.js';
import type { Heard } from './tally.js';
import { duration } from './words.js';

const rows: readonly { readonly name: string; readonly title: string; readonly value: (heard: Heard) => string }[] = [
  { name: 'arrived', title: 'Arrived', value: ({ arrived }) => String(arrived) },
  { name: 'lost', title: 'Lost', value: ({ lost }) => String(lost) },
  { name: 'duplicated', title: 'Duplicated', value: ({ duplicated }) => String(duplicated) },
  { name: 'disordered', title: 'Out of order', value: ({ disordered }) => String(disordered) },
  { name: 'longest', title: 'Longest delay', value: ({ longest }) => (longest > 0 ? duration(longest, 0) : '–') },
];

/** What ought to be zero. */
const faulty = new Set(['lost', 'duplicated', 'disordered']);

const nothing: Heard = { arrived: 0, lost: 0, duplicated: 0, disordered: 0, longest: 0, troubles: [] };

const looks: Record<Look, string> = {
  dialing: 'Connecting',
  waiting: 'Connecting',
  connected: 'Connected',
  closing: 'Closing',
  closed: 'Closed',
};

export class LaneCard {
  readonly #lane: Lane;
  readonly #element: HTMLElement;
  readonly #score: HTMLElement;

  /** `score`: the same verdict once more, for where the card is out of sight. */
  constructor(lane: Lane, element: HTMLElement, score: HTMLElement) {
    [this.#lane, this.#element, this.#score] = [lane, element, score];
    const { name, title } = lane;
    const cells = (row: string): string =>
      ['up', 'down'].map((way) => `<td id="${name}-${way}-${row}">0</td>`).join('');
    element.innerHTML = `
      <div class="lane-head">
        <h3 id="${name}-title">${title}</h3>
        <p class="lane-state"><span class="dot" aria-hidden="true"></span><span id="${name}-state">Connecting</span></p>
        <p class="verdict"><b id="${name}-verdict">0</b> lost</p>
      </div>
      <div class="lane-plot" id="${name}-plot" role="img"
        aria-label="The connections, and the numbers that were said and heard; the table has their counts"></div>
      <table aria-labelledby="${name}-title">
        <thead><tr><td></td><th scope="col">to the server</th><th scope="col">to the page</th></tr></thead>
        <tbody>${rows
          .map(({ name: row, title: words }) => `<tr><th scope="row">${words}</th>${cells(row)}</tr>`)
          .join('')}</tbody>
      </table>`;
    score.innerHTML = `<span class="dot" aria-hidden="true"></span><b>${title}</b><span></span>`;
    startLanePlot(this.#find(`${name}-plot`), lane);
  }

  #find(id: string): HTMLElement {
    return this.#element.querySelector(`#${id}`) as HTMLElement;
  }

  show(): void {
    const { name, socket, lost, tally, heardThere = nothing } = this.#lane;
    if (!socket) return;
    const look = lookOf(socket.state);
    const { pending } = socket;
    const waits =
      look !== 'connected' && pending > 0 ? `, ${pending} message${pending === 1 ? ' waits' : 's wait'}` : '';
    this.#find(`${name}-state`).textContent = looks[look] + waits;
    this.#find(`${name}-verdict`).textContent = String(lost);
    for (const [way, heard] of [['up', heardThere] as const, ['down', tally.heard] as const]) {
      for (const { name: row, value } of rows) {
        const cell = this.#find(`${name}-${way}-${row}`);
        cell.textContent = value(heard);
        cell.toggleAttribute('data-bad', faulty.has(row) && cell.textContent !== '0');
      }
    }
    for (const element of [this.#element, this.#score]) {
      element.dataset.look = look;
      element.toggleAttribute('data-lost', lost > 0);
    }
    const words = this.#score.lastElementChild;
    if (words) words.textContent = `${lost} lost`;
  }
}
