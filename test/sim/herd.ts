/**
 * A herd: many clients, cut at one moment from a server that is gone for a while and then takes them back at a limited
 * rate. A dial beyond that is refused at once, and its client waits again. Nothing here waits in earnest, and the same seed
 * gives the same herd.
 */
import { clientConfig } from '../../src/client/options.js';
import { nextDelay } from '../../src/core/backoff.js';
import { CUT_OFF, endingOf } from '../../src/core/close-code.js';
import { seededRandom } from '../../src/testing/random.js';

/** The wait in ms before the next dial of a client that has dialed `dials` times since it was cut; `Infinity`: gives up. */
export type Wait = (dials: number) => number;

/** What decides about the waits in a herd: called once for the herd, and what it returns once for each client. */
export type Strategy = (random: () => number) => () => Wait;

export interface HerdOptions {
  readonly clients?: number;
  /** How long the server is gone, in ms. @default 30 000 */
  readonly outage?: number;
  /** Connections per second that it accepts then. @default 2000 */
  readonly rate?: number;
  readonly seed?: number;
}

export interface Herd {
  /** The most dials in any second since the server is back. */
  readonly peak: number;
  /** Seconds from its return until 99 % of the clients are connected; `Infinity`: not within ten minutes. */
  readonly back: number;
  /** What no herd can do better: seconds until the server could have accepted 99 %. */
  readonly floor: number;
  /** The share that was connected at the end. */
  readonly connected: number;
  /** Dials of a client until it was connected, in the mean. */
  readonly dials: number;
}

const END = 600_000;

export function herd(strategy: Strategy, options: HerdOptions = {}): Herd {
  const { clients = 100_000, outage = 30_000, rate = 2000, seed = 1 } = options;
  const random = seededRandom(seed);
  const waits = Array.from({ length: clients }, strategy(random));
  const dials = new Uint32Array(clients);
  const perSecond = new Uint32Array(1 + (END - outage) / 1000);
  // A page for each ms: the clients that dial in it.
  const calendar = new Array<number[] | undefined>(END);
  const schedule = (client: number, now: number): void => {
    const at = Math.ceil(now + (waits[client] as Wait)(dials[client] as number));
    if (at >= END) return;
    const page = calendar[at];
    if (page) page.push(client);
    else calendar[at] = [client];
  };

  const most = Math.ceil(0.99 * clients);
  let connected = 0;
  let back = Number.POSITIVE_INFINITY;
  // What the server accepts now; what nobody asked for is kept for a second at most.
  let credit = 0;
  for (let client = 0; client < clients; client++) schedule(client, 0);
  for (let now = 0; now < END && connected < clients; now++) {
    const since = now - outage;
    if (since >= 0) credit = Math.min(rate, credit + rate / 1000);
    const second = Math.floor(since / 1000);
    const page = calendar[now] ?? [];
    calendar[now] = undefined;
    for (const client of page) {
      dials[client] = (dials[client] as number) + 1;
      if (since >= 0) perSecond[second] = (perSecond[second] as number) + 1;
      if (credit >= 1) {
        credit--;
        if (++connected === most) back = since / 1000;
      } else {
        schedule(client, Math.max(now, 1));
      }
    }
  }
  const total = dials.reduce((sum, count) => sum + count, 0);
  return {
    peak: Math.max(...perSecond),
    back,
    floor: most / rate,
    connected: connected / clients,
    dials: total / clients,
  };
}

const cut = endingOf('open', CUT_OFF);
const refused = endingOf('dial', CUT_OFF);

/** A LongSocket of these options: its own code decides. `refusal`: what a dial that is not accepted ends with. */
export function longsocket(options: { backoffBase?: number; backoffCap?: number } = {}, refusal = refused): Strategy {
  return (random) => {
    const config = clientConfig('ws://server', { ...options, random });
    const wait: Wait = (dials) =>
      nextDelay(dials === 0 ? cut : refusal, dials, false, config) ?? Number.POSITIVE_INFINITY;
    return () => wait;
  };
}

/** As a load balancer without servers answers, and a server that is asked too much. */
export const unavailable = endingOf('dial', { ...CUT_OFF, status: 503 });

/** Every client alike. */
export const alike =
  (wait: (dials: number, random: () => number) => number): Strategy =>
  (random) => {
    const same: Wait = (dials) => wait(dials, random);
    return () => same;
  };

const fullJitter = (base: number, cap: number): Strategy =>
  alike((dials, random) => random() * Math.min(cap, base * 2 ** dials));

/** The formulas of others, as of the versions named, with their defaults. */
export const peers: Readonly<Record<string, Strategy>> = {
  'partysocket 1.3': alike((dials) => Math.min(10_000, 3000 * 1.3 ** dials)),
  'reconnecting-websocket 4.4': (random) => () => {
    // Once for each page, when the module is loaded.
    const least = 1000 + random() * 4000;
    return (dials) => Math.min(10_000, least * 1.3 ** dials);
  },
  'socket.io 4.8': alike((dials, random) => {
    const ms = 1000 * 2 ** dials;
    const chance = random();
    const deviation = Math.floor(chance * 0.5 * ms);
    return Math.min(5000, Math.floor(chance * 10) % 2 === 0 ? ms - deviation : ms + deviation);
  }),
  'centrifuge 5': alike((dials, random) =>
    Math.min(20_000, 500 + Math.floor(random() * Math.min(20_000, 500 * 2 ** dials))),
  ),
  'signalr 10': alike((dials) => [0, 2000, 10_000, 30_000][dials] ?? Number.POSITIVE_INFINITY),
  'full jitter 0.5 s · 2ⁿ, cap 20 s': fullJitter(500, 20_000),
  'full jitter 0.5 s · 2ⁿ, cap 30 s': fullJitter(500, 30_000),
};
