import { useCallback, useInsertionEffect, useSyncExternalStore } from 'react';
import { LongSocketError } from '../core/errors.js';
import type { State } from '../core/types.js';
import { useKept } from './kept.js';
import { type AnySocket, isSocket, kindOf, Lease } from './lease.js';
import { type MessageSource, Reader } from './reading.js';

/** What a socket that is not there yet is about to be. */
const SOON: State = Object.freeze({ status: 'connecting', attempt: 1, delay: 0 });

/** On a server there is no socket. */
const none = (): undefined => undefined;

/**
 * A socket for as long as this component is on the page: made when the component has been committed, closed when it is
 * unmounted, replaced when `deps` change. StrictMode, hot reloads, a render that suspends or is given up, and rendering on a
 * server make no second one, and none too many.
 *
 * A hot reload keeps the socket, and so the `create` that made it.
 *
 * @param create makes the socket, `() => new LongSocket(url, options)`; what it throws goes to the next error boundary.
 * @param deps what `create` depends on, compared one by one by `Object.is`, as those of `useEffect`.
 * @returns the socket; `undefined` in the first render, in the one where `deps` have changed, and on a server.
 * @throws LongSocketError `INVALID_ARGUMENT`: no function, no array, `deps` that change at every render, or `create` returned
 * no socket.
 */
export function useLongSocket<Own extends AnySocket>(create: () => Own, deps: readonly unknown[]): Own | undefined {
  if (typeof create !== 'function') {
    const example = 'useLongSocket(() => new LongSocket(url), [url])';
    throw invalid(`useLongSocket: \`create\` must be a function, as in ${example}; got ${kindOf(create)}`);
  }
  if (!Array.isArray(deps)) {
    throw invalid(`useLongSocket: \`deps\` must be an array of what \`create\` depends on, or []; got ${kindOf(deps)}`);
  }
  const advice =
    'useLongSocket: `deps` are others at every render: leave out objects, arrays and functions that are made anew, ' +
    'or keep them with useMemo';
  const lease = useKept(() => new Lease(create), deps, advice);
  return useSyncExternalStore(lease.subscribe, lease.socket, none);
}

/**
 * The state of a socket, as its `state` says; renders again whenever that changes.
 * @param socket as of {@link useLongSocket}: while there is none, it is about to connect.
 * @throws LongSocketError `INVALID_ARGUMENT`: no socket.
 */
export function useSocketState(socket: AnySocket | null | undefined): State {
  checkSocket('useSocketState', socket);
  const subscribe = useCallback((changed: () => void) => socket?.on('state', changed) ?? none, [socket]);
  return useSyncExternalStore(
    subscribe,
    () => socket?.state ?? SOON,
    () => SOON,
  );
}

/**
 * What the messages of a socket amount to: `reducer` is called once for every message, in order, from the commit of this
 * component on. A component renders once for all messages of one tick. Several may read the same socket. Another socket
 * begins with `initial` again.
 *
 * With a session, messages wait for their first reader, so that one that comes late has them too; while nobody reads, the
 * server is slowed. Without a session nothing that came before is heard: read in the component that has the socket, or in one
 * that is on the page with it.
 *
 * @param socket as of {@link useLongSocket}; without one there is `initial`.
 * @param reducer makes the next state; without effects, as that of `useReducer`. What it throws goes to the next error
 * boundary, and this component reads no more.
 * @param initial the state before the first message.
 * @throws LongSocketError `INVALID_ARGUMENT`: no socket, no function, or a socket that is another at every render.
 */
export function useMessages<In, State>(
  socket: MessageSource<In> | null | undefined,
  reducer: (state: State, message: In) => State,
  initial: State,
): State {
  checkSocket('useMessages', socket);
  if (typeof reducer !== 'function') {
    throw invalid(`useMessages: \`reducer\` must be a function (state, message) => state; got ${kindOf(reducer)}`);
  }
  const advice =
    'useMessages: `socket` is another at every render: make it with useLongSocket, or outside of components';
  const reader = useKept(() => new Reader<In, State>(socket ?? undefined, initial), [socket], advice);
  // The earliest there is: not after the browser has painted, when messages may have come. And one that lasts while the
  // component is hidden because another suspends.
  useInsertionEffect(() => {
    reader.reduce = reducer;
  });
  useInsertionEffect(() => reader.listen(), [reader]);
  const reading = useSyncExternalStore(reader.subscribe, reader.reading, reader.reading);
  if (reading.failure) throw reading.failure.error;
  return reading.state;
}

function checkSocket(hook: string, socket: unknown): void {
  if (socket === undefined || socket === null || isSocket(socket)) return;
  throw invalid(`${hook}: \`socket\` must be a LongSocket, or undefined while there is none; got ${kindOf(socket)}`);
}

function invalid(message: string): LongSocketError {
  return new LongSocketError('INVALID_ARGUMENT', message);
}
