import type { ConnectionEnd, Ending } from './types.js';

/** The codes that the machine itself speaks of. */
export const NORMAL = 1000;
export const GOING_AWAY = 1001;
/** A close frame without a code: `close()` may say so. */
export const NO_STATUS = 1005;
export const ABNORMAL = 1006;
export const INTERNAL_ERROR = 1011;
/** Sent when a probe stayed unanswered; the peer, being dead, seldom sees it. */
export const DEAD_PEER = 4901;
/** Of sessions (PROTOCOL.md §8): the connection was replaced; a GOAWAY ran out; and what was wrong. */
export const MOVED = 4900;
export const GOAWAY_DEADLINE = 4902;
export const PROTOCOL_ERROR = 4903;
export const GONE = 4904;
export const NO_GREETING = 4905;
export const STALE = 4907;
export const BUSY = 4908;

/** The end of a connection that nobody closed. */
export const CUT_OFF: ConnectionEnd = { code: ABNORMAL, reason: '', wasClean: false };

/** Close codes of RFC 6455 §7.4.1 and the IANA registry, and those that this library sends (from 4900). */
export const closeCodes = {
  /** 1000: the purpose of the connection is fulfilled. */
  normal: NORMAL,
  /** 1001: the server goes down, or the page was left. */
  goingAway: GOING_AWAY,
  /** 1002: the peer broke the WebSocket protocol. */
  protocolError: 1002,
  /** 1003: a kind of message that the endpoint cannot take. */
  unsupportedData: 1003,
  /** 1005: a close frame without a code. */
  noStatus: NO_STATUS,
  /** 1006: no close frame came; never sent. */
  abnormal: ABNORMAL,
  /** 1007: text that is no UTF-8, say. */
  invalidPayload: 1007,
  /** 1008: what no other code fits; often, wrong credentials. */
  policyViolation: 1008,
  /** 1009: a message longer than `maxPayload`. */
  tooBig: 1009,
  /** 1010: the server did not negotiate an extension that the client needs. */
  missingExtension: 1010,
  /** 1011: the server met something unexpected. */
  internalError: INTERNAL_ERROR,
  /** 1012: the server restarts; try again, spread over time. */
  serviceRestart: 1012,
  /** 1013: the server is overloaded; try again later. */
  tryAgainLater: 1013,
  /** 1014: a gateway got a bad answer from what stands behind it. */
  badGateway: 1014,
  /** 1015: the TLS handshake failed; never sent. */
  tlsHandshake: 1015,
  /** 4900: another connection has taken over. */
  moved: MOVED,
  /** 4901: a probe stayed unanswered. */
  deadPeer: DEAD_PEER,
  /** 4902: the time to change to another connection was over. */
  goAwayDeadline: GOAWAY_DEADLINE,
  /** 4903: the peer broke the session protocol. */
  sessionProtocolError: PROTOCOL_ERROR,
  /** 4904: the session is over. */
  gone: GONE,
  /** 4905: the client did not say in time which session it wants. */
  noGreeting: NO_GREETING,
  /** 4907: a later connection of the same client has come before this one. */
  stale: STALE,
  /** 4908: the server cannot have the session now. */
  busy: BUSY,
} as const;

/**
 * What an ending means for reconnecting. The one table; `shouldReconnect` overrides it.
 *
 * | ending | verdict | because |
 * |---|---|---|
 * | no close frame (1006), and every code not named below | retry | servers, proxies and deploys send any of them |
 * | 1012, 1013, HTTP 429, 503 | spread | restarting or overloaded: retry over at least 5 s, after `Retry-After` if given |
 * | dial failed, timeout, provider or `onConnect` failed, dead peer | retry | the network's fault, or a passing one |
 * | HTTP 404, 408, 425 and other 5xx | retry | what load balancers answer during a deploy |
 * | 1008, 4401, 4403, HTTP 401, 403, 407 | retry only if url, protocols or headers is a provider | the same credentials would be refused again |
 * | 1002, 1003, 1007, 1010 | stop | the ends disagree about the protocol; dialing again repeats it |
 * | other HTTP statuses | stop | not a WebSocket server, or not at this address |
 * | `unsupported` | stop | the platform will refuse the next dial as well |
 */
export function verdictOn(ending: Ending, freshCredentials: boolean): 'retry' | 'spread' | 'stop' {
  const { cause, code, status } = ending;
  if (cause === 'unsupported') return 'stop';
  if (cause === 'status' && status !== undefined) {
    if (status === 429 || status === 503) return 'spread';
    if ([401, 403, 407].includes(status)) return freshCredentials ? 'retry' : 'stop';
    return status >= 500 || [404, 408, 425].includes(status) ? 'retry' : 'stop';
  }
  if (code === 1012 || code === 1013) return 'spread';
  if ([1008, 4401, 4403].includes(code)) return freshCredentials ? 'retry' : 'stop';
  return [1002, 1003, 1007, 1010].includes(code) ? 'stop' : 'retry';
}

/** The ending of a connection in `phase`, in the words of {@link Ending}. Some runtimes report no code, or 0. */
export function endingOf(phase: Ending['phase'], end: ConnectionEnd): Ending {
  const { reason, status, error } = end;
  // Not every transport is ours: NaN would make a wait that never ends.
  const retryAfter = end.retryAfter && end.retryAfter > 0 ? end.retryAfter : undefined;
  const code = end.code || ABNORMAL;
  const abnormal = code === ABNORMAL;
  const refused = status === undefined ? 'dial' : 'status';
  const ended = abnormal ? 'lost' : 'peer';
  const cause = end.cause ?? (phase === 'dial' ? refused : ended);
  return { phase, cause, code, reason, wasClean: end.wasClean && !abnormal, status, retryAfter, error };
}

/** An ending that this end decided on. */
export function ownEnding(
  phase: Ending['phase'],
  cause: Ending['cause'],
  code: number = ABNORMAL,
  reason = '',
  error?: unknown,
): Ending {
  return { phase, cause, code, reason, wasClean: false, status: undefined, retryAfter: undefined, error };
}
