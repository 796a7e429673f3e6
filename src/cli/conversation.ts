import { LongSocket } from '../client/long-socket.js';
import type { LongSocketOptions } from '../client/options.js';
import { LongSocketError } from '../core/errors.js';
import type { CloseDetail, Data, Ending } from '../core/types.js';
import { type Clock, systemClock } from '../io/clock.js';
import { heartbeats } from './heartbeats.js';
import type { Command } from './options.js';
import type { Output } from './output.js';
import { bytesOfHex } from './text.js';

/** With what a test replaces the world. */
export type Surroundings = Pick<LongSocketOptions, 'clock' | 'dial' | 'random' | 'signals'>;

/** `wait` is settled: by the command line, or by where the input comes from. */
type Settled = Command & { readonly wait: number };

/** A server that closes with one of these has said all there is. (1005: a close frame without a code) */
const GOOD: readonly number[] = [1000, 1001, 1005];

/** One run of the program: from the first dial to the end, of which the exit code tells. */
export class Conversation {
  readonly #command: Settled;
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #socket: LongSocket;
  /** The input is at its end, and all of it handed over. */
  #said = false;
  #leaving: unknown;
  /** Until stdout takes more. */
  #pause: Promise<void> | undefined;
  /** A message was lost, or may be. */
  #loss = false;
  #left: number | undefined;

  /** @throws LongSocketError `INVALID_OPTION` */
  constructor(command: Settled, output: Output, surroundings: Surroundings) {
    const { session = false } = command.options;
    this.#command = command;
    this.#output = output;
    this.#clock = surroundings.clock ?? systemClock;
    this.#socket = new LongSocket(command.url, {
      ...command.options,
      ...surroundings,
      autoConnect: false,
      shouldReconnect: (ending) => this.#goesOn(ending),
      ...(command.verbose && { inspect: heartbeats(session, (detail) => output.event('heartbeat', detail)) }),
    });
    this.#listen();
  }

  /** Resolves with the exit code when all is over. */
  async run(lines: AsyncIterable<string>): Promise<number> {
    this.#output.event('connecting', { url: this.#command.url });
    this.#socket.connect();
    const { closed } = this.#socket;
    this.#say(lines).catch((error: unknown) => {
      this.#unsent(error);
      this.leave(1);
    });
    const end = await closed;
    while (this.#pause) await this.#pause;
    return this.#verdict(end);
  }

  /** Closes in good order, whatever was not said; `code`: with which to exit then. */
  leave(code: number): void {
    this.#left ??= code;
    this.#socket.close();
  }

  #listen(): void {
    const socket = this.#socket;
    const output = this.#output;
    this.#receive();
    socket.on('state', (state) => {
      output.event('state', state);
      this.#listenOn();
    });
    socket.on('open', (opening) => {
      const { protocol, session } = socket;
      output.event('open', { ...opening, protocol, session });
    });
    socket.on('interrupted', (interruption) => {
      if (!interruption.wasClean && interruption.unconfirmed > 0) this.#loss = true;
      output.event('interrupted', interruption);
    });
    socket.on('lost', (loss) => {
      if (loss.messages.length > 0) this.#loss = true;
      output.event('lost', loss);
    });
    for (const type of ['reconnecting', 'rotating', 'rotated', 'failed', 'error', 'close'] as const) {
      socket.on(type, (detail) => output.event(...([type, detail] as Parameters<Output['event']>)));
    }
  }

  /** A session keeps what nobody listens to, so that a slow reader of stdout slows the server. */
  #receive(): void {
    const off = this.#socket.on('message', (data: Data) => {
      if (!this.#output.message(data) && this.#command.options.session) {
        off();
        this.#pause = this.#resume();
      }
      this.#listenOn();
    });
  }

  async #resume(): Promise<void> {
    await this.#output.drained();
    this.#pause = undefined;
    this.#receive();
    this.#listenOn();
    // What was kept comes in a moment.
    for (let turn = 0; turn < 3; turn++) await Promise.resolve();
  }

  /** Sends what is said, as fast as the other end takes it. */
  async #say(lines: AsyncIterable<string>): Promise<void> {
    const socket = this.#socket;
    for await (const line of lines) {
      if (socket.state.status === 'closed') return;
      const data = this.#command.hex ? bytesOfHex(line) : line;
      if (data === undefined) this.#unsent('hex is expected: two digits for each byte');
      else if (!(await this.#sent(data))) return;
    }
    // A session that is lost rejects, and another takes over what is written since.
    while (socket.state.status !== 'closed' && socket.pending > 0) await socket.delivered().catch(() => {});
    this.#said = true;
    this.#listenOn();
  }

  /** Waits until it is accepted; `false`: nothing will be any more. */
  async #sent(data: Data): Promise<boolean> {
    try {
      await this.#socket.write(data);
    } catch (error) {
      // What ended the conversation is told anyway.
      if (error instanceof LongSocketError && error.code === 'CLOSED') {
        this.#loss = true;
        return false;
      }
      this.#unsent(error);
    }
    return true;
  }

  #unsent(error: unknown): void {
    this.#loss = true;
    this.#output.event('unsent', { message: error instanceof Error ? error.message : String(error) });
  }

  /**
   * All is said: leaves when nothing has come for long enough. While there is no connection, nothing can come; while stdout
   * takes nothing, it is not the server that is silent.
   */
  #listenOn(): void {
    this.#clock.clearTimer(this.#leaving);
    const { wait } = this.#command;
    const listens = this.#socket.state.status === 'connected' && !this.#pause;
    if (!this.#said || !listens || wait === Number.POSITIVE_INFINITY) return;
    this.#leaving = this.#clock.setTimer(() => this.#socket.close(), wait);
  }

  /** A server that closes in good order when all is said is not dialed again. */
  #goesOn({ cause, code }: Ending): boolean | undefined {
    return this.#said && cause === 'peer' && GOOD.includes(code) ? false : undefined;
  }

  #verdict({ cause, code, wasClean, undelivered, unconfirmed }: CloseDetail): number {
    if (this.#left !== undefined) return this.#left;
    if (this.#loss || undelivered > 0 || (!wasClean && unconfirmed > 0)) return 1;
    return cause === 'caller' || (cause === 'peer' && GOOD.includes(code)) ? 0 : 1;
  }
}
