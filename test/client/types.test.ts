import { describe, expectTypeOf, test } from 'vitest';
import {
  type CloseDetail,
  type Data,
  type Ending,
  type Interruption,
  LongSocket,
  LongSocketError,
  type LongSocketOptions,
  type NextDial,
  type Reconnecting,
  type State,
} from '../../src/index.js';
import { type AcceptedSocket, type accept, respond } from '../../src/server.js';

const socket = new LongSocket('ws://server', { autoConnect: false });
const typed = new LongSocket<{ in: number }, { out: string }>('ws://server', { autoConnect: false });

describe('the types of the public API', () => {
  test('events carry their details', () => {
    const listeners = (): void => {
      socket.on('state', (state) => expectTypeOf(state).toEqualTypeOf<State>());
      socket.on('open', ({ reconnected }) => expectTypeOf(reconnected).toEqualTypeOf<boolean>());
      socket.on('message', (data) => expectTypeOf(data).toEqualTypeOf<Data>());
      socket.on('interrupted', (detail) => expectTypeOf(detail).toEqualTypeOf<Interruption>());
      socket.on('reconnecting', (detail) => expectTypeOf(detail).toEqualTypeOf<Reconnecting>());
      socket.on('failed', (detail) => expectTypeOf(detail).toEqualTypeOf<Ending>());
      socket.on('close', (detail) => expectTypeOf(detail).toEqualTypeOf<CloseDetail>());
      socket.on('error', (error) => expectTypeOf(error).toEqualTypeOf<LongSocketError>());
      // @ts-expect-error: there is no such event
      socket.on('opened', () => {});
    };
    expectTypeOf(listeners).toBeFunction();
    expectTypeOf(socket.on('open', () => {})).toEqualTypeOf<() => void>();
    expectTypeOf(socket.once('open', () => {})).toEqualTypeOf<() => void>();
  });

  test('messages have the types of the socket', () => {
    expectTypeOf(socket.send).parameter(0).toEqualTypeOf<Data>();
    expectTypeOf(socket.send).returns.toEqualTypeOf<'sent' | 'queued' | 'dropped'>();
    expectTypeOf(typed.send).parameter(0).toEqualTypeOf<{ out: string }>();
    expectTypeOf(typed.write).parameter(0).toEqualTypeOf<{ out: string }>();
    const read = async (): Promise<void> => {
      for await (const message of typed) expectTypeOf(message).toEqualTypeOf<{ in: number }>();
    };
    expectTypeOf(read).toBeFunction();
  });

  test('the state narrows by its status', () => {
    const { state } = socket;
    if (state.status === 'connecting') expectTypeOf(state.delay).toEqualTypeOf<number>();
    if (state.status === 'connected') expectTypeOf(state.closing).toEqualTypeOf<boolean>();
    expectTypeOf(state.cause).toEqualTypeOf<Ending | undefined>();
  });

  test('promises and properties', () => {
    expectTypeOf(socket.opened).toEqualTypeOf<Promise<void>>();
    expectTypeOf(socket.closed).toEqualTypeOf<Promise<CloseDetail>>();
    expectTypeOf(socket.bufferedAmount).toEqualTypeOf<number>();
    expectTypeOf(socket[Symbol.asyncDispose]).returns.toEqualTypeOf<Promise<void>>();
    expectTypeOf(new LongSocketError('CLOSED', '').code).toExtend<string>();
  });

  test('providers may be values or functions, async or not', () => {
    const options: LongSocketOptions = {
      protocols: async ({ attempt, reason, cause, signal }) => {
        expectTypeOf(attempt).toEqualTypeOf<number>();
        expectTypeOf(reason).toEqualTypeOf<'connect' | 'reconnect' | 'retry' | 'rotate'>();
        expectTypeOf(cause).toEqualTypeOf<Ending | undefined>();
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        return ['a'];
      },
      headers: () => ({ Authorization: 'Bearer x' }),
    };
    expectTypeOf(options).toExtend<LongSocketOptions>();
    expectTypeOf<ConstructorParameters<typeof LongSocket>[0]>().toExtend<
      string | { readonly href: string } | ((...args: never[]) => unknown)
    >();
    // @ts-expect-error: a wrong value
    expectTypeOf<{ overflow: 'wait' }>().toExtend<LongSocketOptions>();
  });

  test('the server end has the same shape, without dialing', () => {
    expectTypeOf<ReturnType<typeof accept>['state']>().toEqualTypeOf<State>();
    expectTypeOf<AcceptedSocket>().not.toHaveProperty('connect');
    expectTypeOf<AcceptedSocket['send']>().toEqualTypeOf<LongSocket['send']>();
    expectTypeOf(respond).returns.toEqualTypeOf<() => void>();
  });

  test('backoff is told of the next dial', () => {
    type Backoff = NonNullable<LongSocketOptions['backoff']>;
    expectTypeOf<Backoff>().parameters.toEqualTypeOf<[NextDial]>();
    expectTypeOf<NextDial>().toEqualTypeOf<Pick<Reconnecting, 'attempt' | 'cause'>>();
    expectTypeOf<Backoff>().returns.toEqualTypeOf<number | undefined>();
  });
});
