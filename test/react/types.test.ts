import { describe, expectTypeOf, test } from 'vitest';
import { type Data, LongSocket, type State } from '../../src/index.js';
import { useLongSocket, useMessages, useSocketState } from '../../src/react.js';

interface Line {
  readonly line: string;
}
class Chat extends LongSocket<Line, { say: string }> {
  readonly room: string = 'hall';
}

describe('the types of the hooks', () => {
  test('a socket keeps its type, and there may be none yet', () => {
    const component = (): void => {
      const plain = useLongSocket(() => new LongSocket('ws://server'), []);
      expectTypeOf(plain).toEqualTypeOf<LongSocket | undefined>();
      const chat = useLongSocket(() => new Chat('ws://server'), ['hall', 1]);
      expectTypeOf(chat?.room).toEqualTypeOf<string | undefined>();
      chat?.send({ say: 'hello' });
      // @ts-expect-error: there may be none yet
      plain.send('hello');
      // @ts-expect-error: what it depends on is not optional
      useLongSocket(() => new LongSocket('ws://server'));
      // @ts-expect-error: a promise is no socket
      useLongSocket(async () => new LongSocket('ws://server'), []);
    };
    expectTypeOf(component).toBeFunction();
  });

  test('a reducer gets the messages of its socket', () => {
    const component = (): void => {
      const plain = useLongSocket(() => new LongSocket('ws://server'), []);
      const lengths = useMessages(
        plain,
        (sum, message) => {
          expectTypeOf(message).toEqualTypeOf<Data>();
          return sum + (typeof message === 'string' ? message.length : message.byteLength);
        },
        0,
      );
      expectTypeOf(lengths).toEqualTypeOf<number>();
      const chat = useLongSocket(() => new Chat('ws://server'), []);
      const lines = useMessages(chat, (list: readonly string[], { line }) => [...list, line], []);
      expectTypeOf(lines).toEqualTypeOf<readonly string[]>();
      expectTypeOf(useMessages(undefined, (sum: number) => sum, 0)).toEqualTypeOf<number>();
      // @ts-expect-error: its lines are no numbers
      useMessages(chat, (sum: number, line: number) => sum + line, 0);
    };
    expectTypeOf(component).toBeFunction();
  });

  test('a state is a state, with and without a socket', () => {
    const component = (socket: LongSocket | undefined, none: null): void => {
      expectTypeOf(useSocketState(socket)).toEqualTypeOf<State>();
      expectTypeOf(useSocketState(none)).toEqualTypeOf<State>();
      // @ts-expect-error: no socket
      useSocketState('ws://server');
    };
    expectTypeOf(component).toBeFunction();
  });
});
