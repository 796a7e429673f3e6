import { errorOf } from '../core/errors.js';
import type { CloseDetail, Ending, Loss, Opening } from '../core/types.js';
import type { SocketEvents } from '../socket/socket.js';
import { count, duration, visible } from './text.js';

/** What there is to tell beside messages: the events of a socket, and what only this program knows. */
export interface Events extends Omit<SocketEvents, 'message'> {
  /** The first dial. */
  connecting: { readonly url: string };
  open: Opening & { readonly protocol: string; readonly session?: string | undefined };
  /** `asked`: by this end; `answered`: to this end, after so many ms; `served`: this end answers its peer. */
  heartbeat: { readonly is: 'asked' | 'answered' | 'served'; readonly ms?: number | undefined };
  /** A line of the input that could not be sent. */
  unsent: { readonly message: string };
  closing: { readonly signal: string };
}

export type Event = { [Type in keyof Events]: readonly [type: Type, detail: Events[Type]] }[keyof Events];

export type Tone = 'dim' | 'good' | 'bad' | 'final';

/** What a person is told of an event: nothing of those that others tell as well. */
export function describe([type, detail]: Event): readonly [Tone, string] | undefined {
  switch (type) {
    case 'connecting':
      return ['dim', `connecting to ${placeOf(detail.url)}`];
    case 'open':
      return ['good', opened(detail)];
    case 'interrupted': {
      const { unconfirmed } = detail;
      const lost = unconfirmed > 0 ? `; ${count(unconfirmed, 'message')} may be lost` : '';
      return ['bad', `interrupted: ${reasonOf(detail)}${lost}`];
    }
    case 'reconnecting': {
      const { attempt, delay, cause } = detail;
      const next = `dial ${attempt} in ${duration(delay)}`;
      // An interruption has been told already.
      return cause.phase === 'open' ? ['dim', next] : ['bad', `not connected: ${reasonOf(cause)}; ${next}`];
    }
    case 'rotating':
      return ['dim', `rotating to a fresh connection (${detail.cause})`];
    case 'rotated':
      return ['good', `rotated (${detail.cause})`];
    case 'lost':
      return ['bad', lostSession(detail)];
    case 'close':
      return closed(detail);
    case 'heartbeat':
      return ['dim', `heartbeat ${detail.is}${detail.ms === undefined ? '' : ` in ${duration(detail.ms)}`}`];
    case 'unsent':
      return ['bad', `not sent: ${detail.message}`];
    case 'closing':
      return ['dim', `${detail.signal}: closing; again to leave at once`];
    default:
      return undefined;
  }
}

function opened({ reconnected, resumed, replayed = 0, gapMs = 0, protocol, session }: Events['open']): string {
  const known = [protocol && `protocol ${visible(protocol)}`, session && `session ${visible(session)}`];
  const details = known.filter(Boolean).map((part) => `, ${part}`);
  if (!reconnected) return `connected${details.join('')}`;
  if (!resumed) return `connected again${details.join('')}`;
  return `resumed after ${duration(gapMs)}, ${count(replayed, 'message')} sent again`;
}

function lostSession({ reason, undelivered, unknown }: Loss): string {
  const most = unknown > 0 ? `at most ${count(unknown, 'message')}` : count(undelivered, 'message');
  return `session lost (${visible(reason)}): ${most} did not arrive`;
}

/** Tells what `failed` does as well, and what there is no `failed` for. */
function closed(detail: CloseDetail): readonly [Tone, string] {
  const { cause, code, reason, undelivered } = detail;
  const left = undelivered > 0 ? `; ${count(undelivered, 'message')} not delivered` : '';
  if (cause !== 'caller' && cause !== 'peer') return ['final', `gave up: ${reasonOf(detail)}${left}`];
  return ['dim', `closed${cause === 'peer' ? ' by the server' : ''} with code ${code}${quoted(reason)}${left}`];
}

function reasonOf(ending: Ending): string {
  const said = ending.cause === 'peer' ? quoted(ending.reason) : '';
  return `${visible(errorOf(ending).message)}${said}`;
}

const quoted = (reason: string): string => (reason ? ` "${visible(reason)}"` : '');

/** A URL without what may be secret in it: user, password and query. */
function placeOf(url: string): string {
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search && '?…'}`;
}
