/** What the machine says, in plain words. */
import type { Data, Effect, Ending, Inspection, State } from 'longsocket';

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
  }
}

export function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}

/** A round trip: milliseconds with a digit more than a clock of milliseconds would have. */
export function duration(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

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

/** A step as one line of the log; nothing for a wake-up that had nothing to do. */
export function lineOf({ input, effects }: Inspection): Line | undefined {
  if (effects.length === 0 && input.type === 'timeout') return undefined;
  const detail = 'data' in input ? ` ${quote(input.data)}` : input.type === 'connection-close' ? ` ${input.code}` : '';
  const events = effects.flatMap((effect) => (effect.type === 'emit' ? [effect.event] : []));
  return { input: input.type + detail, effects: effects.map(wordsOf).join(', '), kind: kindOf(events) };
}

function kindOf(events: readonly string[]): Line['kind'] {
  if (events.includes('interrupted') || events.includes('failed')) return 'bad';
  if (events.includes('reconnecting')) return 'wait';
  return events.includes('open') ? 'good' : 'plain';
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
    default:
      return announcement.event;
  }
}

function quote(data: Data): string {
  if (typeof data !== 'string') return `${data.byteLength} bytes`;
  return `“${data.length > 60 ? `${data.slice(0, 60)}…` : data}”`;
}
