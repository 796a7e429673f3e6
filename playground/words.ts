/** What the machine says, in plain words. */
import type { Data, Effect, Ending, Inspection, State } from 'longsocket';
import { parseSpoken } from './tally.js';

/** Why a connection or an attempt ended, to follow "because". */
export function because(ending: Ending): string {
  switch (ending.cause) {
    case 'dial':
      return 'the dial failed';
    case 'status':
      return `the server answered with HTTP ${ending.status}`;
    case 'timeout':
      return 'the dial took too long';
    case 'dead-peer':
      return 'a heartbeat stayed unanswered';
    case 'lost':
      return 'the connection broke without a goodbye';
    case 'peer':
      return `the server closed it with ${ending.code}${ending.reason ? ` “${ending.reason}”` : ''}`;
    case 'caller':
      return 'you asked for it';
    case 'provider':
      return 'the URL could not be had';
    case 'hook':
      return 'onConnect failed';
    case 'unsupported':
      return 'this browser cannot do what an option asks for';
    case 'refused':
      return `the server would not have the session now (${ending.reason})`;
    case 'no-session':
      return 'the server knows no sessions';
    case 'session-lost':
      return `the server does not have the session any more (${ending.reason})`;
    default:
      return `of ${ending.cause}`;
  }
}

export function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}

/** A round trip: milliseconds with a digit more than a clock of milliseconds would have. */
export function duration(ms: number, digits = 1): string {
  return ms < 1000 ? `${ms.toFixed(digits)} ms` : `${(ms / 1000).toFixed(digits + 1)} s`;
}

/** What begins a session's own messages, which the application does not see. */
const DLE = '\u0010';

const isControl = (data: unknown, letters: string): boolean =>
  typeof data === 'string' && data[0] === DLE && letters.includes(data[1] ?? ' ');

/** A session's question for a sign of life, and the answer to it. */
export const isPing = (data: Data): boolean => isControl(data, 'P');
export const isPong = (data: Data): boolean => isControl(data, 'O');

/** One of the numbers, or what says that numbers have arrived: not for the log, which would be full of them. */
const isCounting = (data: Data): boolean => isControl(data, 'A') || parseSpoken(data) !== undefined;

/** One line for a change of state, as it is announced to a screen reader. */
export function announce(state: State): string {
  if (state.status === 'connected') return state.closing ? 'Closing' : 'Connected';
  const why = state.cause ? `, because ${because(state.cause)}` : '';
  if (state.status === 'closed') return `Closed${why}`;
  const when = state.delay > 0 ? `dialing in ${seconds(state.delay)}` : 'dialing now';
  return `Connecting: attempt ${state.attempt}, ${when}${why}`;
}

export interface Line {
  /** What happened. */
  readonly input: string;
  /** What came of it. */
  readonly effects: string;
  readonly kind: 'plain' | 'good' | 'wait' | 'bad';
}

/** Inputs that are worth a line only for what comes of them. */
const quiet = ['timeout', 'read', 'flush', 'connection-backed-up', 'connection-writable'];

/** A step as one line of the log; nothing for one that had nothing to do, or only with the numbers. */
export function lineOf({ input, effects: all }: Inspection): Line | undefined {
  const effects = all.filter((effect) => !('data' in effect && isCounting(effect.data)));
  if (effects.length === 0 && (quiet.includes(input.type) || ('data' in input && isCounting(input.data))))
    return undefined;
  const detail = 'data' in input ? ` ${quote(input.data)}` : input.type === 'connection-close' ? ` ${input.code}` : '';
  const events = effects.flatMap((effect) => (effect.type === 'emit' ? [effect.event] : []));
  const numbers = all.filter((effect) => effect.type === 'write' && parseSpoken(effect.data)).length;
  const words = [...effects.map(wordsOf), ...(numbers > 1 ? [`write ${numbers} numbers`] : [])];
  return { input: input.type + detail, effects: words.join(', '), kind: kindOf(events) };
}

function kindOf(events: readonly string[]): Line['kind'] {
  if (events.includes('interrupted') || events.includes('failed')) return 'bad';
  if (events.includes('reconnecting')) return 'wait';
  return events.includes('open') || events.includes('rotated') ? 'good' : 'plain';
}

function wordsOf(effect: Effect): string {
  switch (effect.type) {
    case 'dial':
      return `dial (attempt ${effect.attempt})`;
    case 'write':
      return `write ${quote(effect.data)}${effect.heartbeat ? ' (heartbeat)' : ''}`;
    case 'hang-up':
    case 'terminate':
      return `${effect.type} (${effect.code})`;
    case 'emit':
      return eventInWords(effect);
    default:
      return effect.type;
  }
}

function eventInWords(announcement: Extract<Effect, { type: 'emit' }>): string {
  switch (announcement.event) {
    case 'state':
      return `state ${announcement.detail.status}`;
    case 'interrupted':
      return `interrupted (${announcement.detail.cause}, ${announcement.detail.unconfirmed} unconfirmed)`;
    case 'reconnecting': {
      const { attempt, delay, cause } = announcement.detail;
      return `reconnecting (attempt ${attempt} in ${Math.round(delay)} ms: ${cause.cause})`;
    }
    case 'close':
      return `close (${announcement.detail.code})`;
    case 'open': {
      const { resumed, replayed = 0, gapMs = 0 } = announcement.detail;
      return resumed ? `open (resumed, ${replayed} sent again, gap ${Math.round(gapMs)} ms)` : 'open';
    }
    case 'rotating':
    case 'rotated':
      return `${announcement.event} (${announcement.detail.cause})`;
    case 'lost': {
      const { reason, undelivered, unknown } = announcement.detail;
      return `lost (${reason}: ${undelivered} undelivered, ${unknown} unknown)`;
    }
    default:
      return announcement.event;
  }
}

function quote(data: Data): string {
  if (typeof data !== 'string') return `${data.byteLength} bytes`;
  const text = data.replaceAll(DLE, 'DLE ');
  return `“${text.length > 60 ? `${text.slice(0, 60)}…` : text}”`;
}
