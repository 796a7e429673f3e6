/** What the page's two sockets and the server are made with: used as it stands here, and shown as code. */
import type { LongSocketOptions } from 'longsocket';

/** The lanes of the comparison, in the order of the page. */
export const laneNames = ['session', 'plain'] as const;
export type LaneName = (typeof laneNames)[number];

/** Short waits, so that nobody has to wait for the point. */
const patience = { connectTimeout: 4000, backoffCap: 5000 };

/** A session has a heartbeat of its own; these are only its times. */
export const sessionOptions: LongSocketOptions = {
  session: true,
  heartbeat: { interval: 3000, timeout: 2000 },
  ...patience,
};

export function plainOptions(hasHeartbeat: boolean): LongSocketOptions {
  const heartbeat: LongSocketOptions['heartbeat'] = {
    message: 'ping',
    isReply: (data) => data === 'pong',
    interval: 3000,
    timeout: 2000,
  };
  return { heartbeat: hasHeartbeat ? heartbeat : false, ...patience };
}

/**
 * The server looks for dead clients, too: in a session as the session does, else by protocol pings, which a browser answers by
 * itself and never shows.
 */
export const serverOptions = {
  host: '127.0.0.1',
  heartbeat: { interval: 4000, timeout: 2000 },
  closeTimeout: 500,
};

/** How a deploy goes: slowly enough to be watched. */
export const drainOptions = { within: 4000, rate: 1 };

/** What the network takes one way, in ms: enough that a cut catches something under way. */
export const latency = 60;
