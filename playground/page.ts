/** What the page is made of and remembers: its elements by id, and its settings in the address. */
import { type LaneName, laneNames } from './settings.js';

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as T;
}

/** Stand behind the `#` of the address, so that a link may bring them and a reload keeps them. */
export interface Settings {
  /** Numbers a second, each way on each lane. */
  readonly rate: number;
  /** The socket of the closer look. */
  readonly watch: LaneName;
}

export const rates = [0, 1, 10, 50];

export function settings(): Settings {
  const given = new URLSearchParams(location.hash.slice(1));
  const rate = Number(given.get('rate') ?? 10);
  return {
    rate: rates.includes(rate) ? rate : 10,
    watch: laneNames.find((name) => name === given.get('watch')) ?? 'session',
  };
}

export function setSettings(changed: Partial<Settings>): void {
  const { rate, watch } = { ...settings(), ...changed };
  history.replaceState(null, '', `#rate=${rate}&watch=${watch}`);
}
