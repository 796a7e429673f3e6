/** What of a socket matters to one who reads. @typeParam In What its messages are. */
export interface MessageSource<In> extends AsyncIterable<In> {
  /** Calls `listener` for each message, until the function it returns is called. */
  on(type: 'message', listener: (message: NoInfer<In>) => unknown): () => void;
}

/** What a component has made of the messages, or why it could not. A new object for each change. */
export type Reading<State> =
  | { readonly state: State; readonly failure?: undefined }
  | { readonly failure: { readonly error: unknown } };

/** Puts every message of a socket into a state, in order, from when it begins to listen. */
export class Reader<In, State> {
  /** How; that of the last commit. */
  reduce: ((state: State, message: In) => State) | undefined;
  readonly #source: MessageSource<In> | undefined;
  #reading: Reading<State>;
  readonly #watchers = new Set<() => void>();

  constructor(source: MessageSource<In> | undefined, initial: State) {
    this.#source = source;
    this.#reading = { state: initial };
  }

  /** The same object until there is news. */
  readonly reading = (): Reading<State> => this.#reading;

  readonly subscribe = (changed: () => void): (() => void) => {
    this.#watchers.add(changed);
    return () => {
      this.#watchers.delete(changed);
    };
  };

  /** Reads until the function it returns is called. */
  listen(): (() => void) | undefined {
    const stop = this.#source?.on('message', (message) => {
      this.#read(message);
      // With a session, what comes behind the failure waits for another reader.
      if (this.#reading.failure) stop?.();
    });
    return stop;
  }

  #read(message: In): void {
    const { reduce } = this;
    if (this.#reading.failure || !reduce) return;
    const { state } = this.#reading;
    try {
      this.#reading = { state: reduce(state, message) };
    } catch (error) {
      this.#reading = { failure: { error } };
    }
    if (this.#reading.failure || !Object.is(this.#reading.state, state))
      for (const changed of this.#watchers) changed();
  }
}
