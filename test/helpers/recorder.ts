/** Writes down what a socket tells its listeners, in order. */
import { onTestFinished, vi } from 'vitest';
import type { Socket, SocketEvents } from '../../src/index.js';

type Name = keyof SocketEvents;
type Entry = {
  [Type in Name]: { readonly name: Type; readonly detail: SocketEvents[Type]; readonly at: number };
}[Name];

const names: readonly Name[] = ['state', 'open', 'message', 'interrupted', 'reconnecting', 'failed', 'close', 'error'];

export class Recorder {
  readonly entries: Entry[] = [];

  constructor(socket: Socket) {
    for (const name of names) {
      socket.on(name, (detail) => this.entries.push({ name, detail, at: performance.now() } as Entry));
    }
  }

  /** The events' names, without `state`, which comes along with most of them. */
  get names(): Name[] {
    return this.entries.map(({ name }) => name).filter((name) => name !== 'state');
  }

  /** The details of the events of one name. */
  all<Type extends Name>(name: Type): SocketEvents[Type][] {
    return this.entries.filter((entry) => entry.name === name).map(({ detail }) => detail as SocketEvents[Type]);
  }

  /** When the events of one name came, in ms. */
  times(name: Name): number[] {
    return this.entries.filter((entry) => entry.name === name).map(({ at }) => at);
  }

  /** The detail of the `n`th event of one name, counted from 1, as soon as there is one. */
  nth<Type extends Name>(name: Type, n = 1, timeout = 5000): Promise<SocketEvents[Type]> {
    return vi.waitFor(
      () => {
        const details = this.all(name);
        if (details.length < n) throw new Error(`no ${name} number ${n}; there were: ${this.names.join(' ')}`);
        return details[n - 1] as SocketEvents[Type];
      },
      { timeout, interval: 2 },
    );
  }
}

/** Records a socket, and closes it when the test is over. */
export function record(socket: Socket): Recorder {
  onTestFinished(() => socket.close());
  return new Recorder(socket);
}
