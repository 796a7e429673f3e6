import { LongSocket } from '../../src/client/long-socket.js';
import type { LongSocketOptions } from '../../src/client/options.js';
import type { CloseDetail, Effect, Ending, Input, State } from '../../src/core/types.js';
import type { ServerConnection } from '../../src/io/connection.js';
import type { Inspection } from '../../src/io/driver.js';
import type { Signal } from '../../src/io/signals.js';
import { SimulatedNetwork } from '../../src/testing/network.js';
import { seededRandom } from '../../src/testing/random.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** What the application saw, with the time. */
interface Seen {
  readonly at: number;
  readonly event: string;
  readonly detail: unknown;
}

/** One client, one server, the network between them, and a record of all that happened. The same for the same seed. */
export class World {
  readonly seed: number;
  readonly clock = new VirtualClock();
  readonly random: () => number;
  readonly network: SimulatedNetwork;
  readonly options: LongSocketOptions;
  readonly socket: LongSocket;
  readonly log: Inspection[] = [];
  readonly seen: Seen[] = [];
  /** Numbers the server received, in order; the client's messages are numbered from 1. */
  readonly received: number[] = [];
  sent = 0;
  /** The connection that is the server's newest. */
  server: ServerConnection | undefined;
  signal: (signal: Signal) => void = () => {};

  constructor(
    seed: number,
    options: LongSocketOptions = {},
    network: { canPing?: boolean; latency?: [number, number] } = {},
  ) {
    this.seed = seed;
    this.random = seededRandom(seed);
    this.network = new SimulatedNetwork({ clock: this.clock, random: this.random, latency: [5, 50], ...network });
    this.network.serve((connection) => {
      this.server = connection;
      connection.onmessage = (data) => {
        if (data === 'ping') connection.send('pong');
        else this.received.push(Number(data));
      };
    });
    this.options = {
      clock: this.clock,
      random: seededRandom(seed + 1),
      dial: this.network.dial,
      signals: (report) => {
        this.signal = report;
        return () => {};
      },
      inspect: (inspection) => this.log.push(inspection),
      ...options,
    };
    this.socket = new LongSocket('ws://server', { ...this.options, autoConnect: false });
    for (const event of [
      'state',
      'open',
      'message',
      'interrupted',
      'reconnecting',
      'failed',
      'close',
      'error',
    ] as const) {
      this.socket.on(event, (detail: unknown) => this.seen.push({ at: this.clock.now(), event, detail }));
    }
    this.socket.connect();
  }

  /** Sends the next number, if the socket takes it. */
  send(): void {
    if (this.socket.state.status === 'closed') return;
    try {
      this.socket.send(String(this.sent + 1));
      this.sent++;
    } catch {
      // Full or closing: not accepted, so it owes us nothing.
    }
  }

  /** A number from `least` to `most`, from the seed. */
  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  pick<Choice>(...choices: readonly Choice[]): Choice {
    return choices[Math.floor(this.random() * choices.length)] as Choice;
  }

  times(event: string): number[] {
    return this.seen.filter((entry) => entry.event === event).map(({ at }) => at);
  }

  details<Detail>(event: string): Detail[] {
    return this.seen.filter((entry) => entry.event === event).map(({ detail }) => detail as Detail);
  }

  /** The steps up to here, for whoever has to find out what went wrong with this seed. */
  trace(most = 60): string {
    const line = ({ at, input, effects, state }: Inspection): string =>
      `${at.toFixed(0).padStart(9)}  ${describe(input)} → ${effects.map(describe).join(', ') || '–'}  [${state.status}]`;
    return [
      `seed ${this.seed} (again: SEED=${this.seed} npm test -- test/sim); the last ${most} of ${this.log.length} steps:`,
      ...this.log.slice(-most).map(line),
    ].join('\n');
  }

  /** Runs a check and, where it fails, says with which seed and after which steps. */
  check(assert: () => void): void {
    try {
      assert();
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.trace()}`, { cause: error });
    }
  }
}

function describe(item: Input | Effect): string {
  const { type, ...rest } = item;
  return `${type}${JSON.stringify(rest, (_, value) => (value instanceof Error ? value.message : value))}`;
}

export type { CloseDetail, Ending, State };
