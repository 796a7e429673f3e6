import type { Announcement, ConnectionId, Effect, State } from './types.js';

/** What all machines of connections have in common: how they answer a step, and what they show to the application. */
export abstract class BaseMachine {
  /** What the step under way leads to. One array for all steps: it is valid until the next. */
  protected readonly effects: Effect[] = [];
  #state: State;

  protected constructor(state: State) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  /** A new step begins. Not `length = 0`, which lets go of the array's memory: this is done for every message. */
  protected clearEffects(): void {
    while (this.effects.length > 0) this.effects.pop();
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

  /** A message is the application's. */
  protected deliver(data: Extract<Effect, { type: 'message' }>['data'], number?: number): void {
    this.effects.push(number === undefined ? { type: 'message', data } : { type: 'message', data, number });
  }
}
