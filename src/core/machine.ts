import type { Delivery } from './delivery.js';
import { type Control, encode } from './frames.js';
import type { Link } from './link.js';
import type { Announcement, ConnectionId, Effect, State } from './types.js';

/** Never written to. */
const NONE: Effect[] = [];
/** Arrays once written to, which are 150 bytes each: one for all machines, but for those that step while another performs. */
const spare: Effect[][] = [];

/** What all machines of connections have in common: how they answer a step, and what they show to the application. */
export abstract class BaseMachine {
  /** What the step under way leads to; valid until the next. Between steps most machines have none (`performed`). */
  protected effects: Effect[] = NONE;
  #state: State;

  protected constructor(state: State) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  /** A new step begins. Not `length = 0`, which lets go of the array's memory: this is done for every message. */
  protected clearEffects(): void {
    if (this.effects === NONE) this.effects = spare.pop() ?? [];
    while (this.effects.length > 0) this.effects.pop();
  }

  /** The effects of the last step are performed, and let go of; the array serves the next step, of whatever machine. */
  performed(): void {
    this.clearEffects();
    spare.push(this.effects);
    this.effects = NONE;
  }

  protected setState(state: State): void {
    this.#state = state;
    this.emit({ event: 'state', detail: state });
  }

  protected emit({ event, detail }: Announcement): void {
    // Not a spread: V8 gives the result twice the memory, and sockets keep their last effects.
    this.effects.push({ type: 'emit', event, detail } as Effect);
  }

  protected terminate(id: ConnectionId, code: number, reason = ''): void {
    this.effects.push({ type: 'terminate', id, code, reason });
  }

  /** Writes a frame of the session protocol. */
  protected control(id: ConnectionId, frame: Control): void {
    this.effects.push({ type: 'write', id, data: encode(frame), control: true });
  }

  /** Answers a question, when the transport takes it: whoever asks and does not read gets no more than that. */
  protected answer(link: Link, id: number, delivery: Delivery): void {
    link.owed = link.backedUp ? id : undefined;
    if (!link.backedUp) this.control(link.id, { letter: 'O', id, c: delivery.report() });
  }

  /** A message is the application's. */
  protected deliver(data: Extract<Effect, { type: 'message' }>['data'], number?: number): void {
    this.effects.push(number === undefined ? { type: 'message', data } : { type: 'message', data, number });
  }
}
