import type { Data, HeartbeatConfig } from '../core/types.js';
import { type Guard, isBoolean, isData } from './guard.js';

/**
 * How a dead link is found. Any frame is life; nothing is given up on silence alone, only on an unanswered
 * probe (but for `announce`, where the peer has promised to speak).
 *
 * Without `message`, probes are protocol pings: in Node, answered by every server without its knowing. A browser can
 * neither send nor see them: there, without a `message`, **a dead link is not found out** until the operating system or a
 * proxy ends it, which takes minutes, or for ever while nothing is sent.
 */
export interface HeartbeatOptions {
  /**
   * A message that asks the server for a sign of life: what it answers by itself (a `ping` it knows, an echo). A function
   * is called for each. Used in Node as well if given.
   * @default a protocol ping (RFC 6455 §5.5.2), where the platform has them
   */
  readonly message?: Data | (() => Data) | undefined;
  /**
   * Recognises the answer to `message`, which is then kept from the application. Without it any message counts, and all
   * are delivered.
   * @default none
   */
  readonly isReply?: ((data: Data) => boolean) | undefined;
  /** Silence before a probe, in ms. @default 25000 (with `announce`: 5000, from one's own last write) */
  readonly interval?: number | undefined;
  /** How long a probe may stay unanswered, in ms. @default 5000 (with `announce`: the peer's silence; 3 × `interval`) */
  readonly timeout?: number | undefined;
  /**
   * Instead of asking: say `message` after `interval` without a write of one's own, expect the same of the peer, and
   * answer nothing. Needs `message` and `isReply`. For servers that promise to speak, where silence is the proof.
   * @default false
   */
  readonly announce?: boolean | undefined;
}

const SHAKE_HANDS = '{"Status":"OK", "Message":"This is shake hands message."}';

/**
 * The "shake hands" of the original longsocket of 2016: this text, sent by each end after 5 s without a write of its own,
 * answered by nobody, kept from the application; 15 s of silence is death. For its servers (give `node: { origin }`, they
 * refuse a handshake without) and, with `accept`, for its clients.
 */
export const shakeHands: HeartbeatOptions = {
  announce: true,
  message: SHAKE_HANDS,
  isReply: (data) => data === SHAKE_HANDS,
  interval: 5000,
};

const NONE: HeartbeatConfig = { kind: 'none' };
const PINGS: HeartbeatConfig = { kind: 'probe', interval: 25_000, timeout: 5000 };

/** The machine's view of the option. `guard` wraps the user's functions so that they cannot throw. */
export function heartbeatConfig(options: HeartbeatOptions | false | undefined, guard: Guard): HeartbeatConfig {
  if (options === false) return NONE;
  if (options === undefined) return PINGS;
  const { message: given, isReply, announce = false, interval = announce ? 5000 : 25_000 } = options;
  const { timeout = announce ? 3 * interval : 5000 } = options;
  const asked = typeof given === 'function' ? guard(given, isData, '') : given !== undefined && (() => given);
  const message = asked ? () => asked(undefined) : undefined;
  const recognised = isReply && guard(isReply, isBoolean, false);
  if (announce && message && recognised) return { kind: 'announce', interval, timeout, message, isReply: recognised };
  return { kind: 'probe', interval, timeout, message, isReply: recognised };
}
