/** A network with bad manners, always the same for the same seed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../../src/testing/random.js';
import type { FaultProxy } from '../fault-proxy.js';
import type { TalkerReport } from './talker.js';

/** Silence comes last: while it is being found out, there is nothing for another fault to meet. */
const kinds = ['rst', 'fin', 'stall', 'silence'] as const;

export interface Fault {
  readonly kind: (typeof kinds)[number];
  /** In ms since the epoch, as the gaps of a ledger are. */
  readonly at: number;
  /** How long it holds, in ms; the others are over at once, or never. */
  readonly ms: number;
  /** How many connections it met. */
  readonly hit: number;
}

/** Longer than it takes to find out about any of the faults, in ms. */
const recovery = 6000;

/**
 * A fault every 1 to 3 s, for so many seconds: each kind once, in an order of chance, then each once again, and so on. Resolves
 * when the last one is over and has had the time to be noticed.
 */
export async function misbehave(proxy: FaultProxy, seconds: number, seed: number): Promise<Fault[]> {
  const random = seededRandom(seed);
  const faults: Fault[] = [];
  let deck: Fault['kind'][] = [];
  const end = performance.now() + seconds * 1000;
  for (let wait = 0; performance.now() + wait < end; ) {
    await sleep(wait);
    if (wait > 0) {
      if (deck.length === 0) deck = [...kinds];
      const kind = deck[Math.floor(random() * (deck.length - 1))] as Fault['kind'];
      const ms = kind === 'stall' ? Math.round(200 + random() * 700) : 0;
      const at = Date.now();
      const hit = strike(proxy, kind, ms);
      // Nobody was there to be met: it comes again.
      if (hit > 0) {
        faults.push({ kind, at, ms, hit });
        deck = deck.filter((each) => each !== kind);
      }
    }
    wait = 1000 + random() * 2000;
  }
  await sleep(Math.max(0, end - performance.now(), (faults.at(-1)?.at ?? 0) + recovery - Date.now()));
  proxy.resume();
  return faults;
}

function strike(proxy: FaultProxy, kind: Fault['kind'], ms: number): number {
  if (kind === 'silence') return proxy.silence();
  if (kind !== 'stall') return proxy.cut(kind);
  proxy.stall(ms);
  return proxy.status.open - proxy.status.silent;
}

/** The longest silence that anybody heard because of each fault, in ms, without the time for which the fault itself held. */
export function longestGaps(faults: readonly Fault[], reports: readonly TalkerReport[]): Record<string, number> {
  const longest: Record<string, number> = {};
  for (const { from, to } of reports.flatMap(({ account }) => account.gaps)) {
    // What began it: the first that struck in it. No fault at all: the age limit, or a busy machine.
    const fault = faults.find(({ at }) => at >= from - 50 && at <= to);
    const kind = fault?.kind ?? 'age limit';
    longest[kind] = Math.max(longest[kind] ?? 0, to - from - (fault?.ms ?? 0));
  }
  return longest;
}
