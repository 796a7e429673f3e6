/** Every case, in the order in which they run. */
import type { Case, Group } from '../harness.js';
import { endings } from './endings.js';
import { entries } from './entries.js';
import { liveness, pings } from './liveness.js';
import { messages } from './messages.js';
import { headers, status } from './platform.js';
import { sessions } from './sessions.js';

export const of = (group: Group, cases: readonly Omit<Case, 'group'>[]): Case[] =>
  cases.map((one) => ({ ...one, group }));

export const cases: readonly Case[] = [
  ...of('messages', messages),
  ...of('endings', endings),
  ...of('liveness', liveness),
  ...of('sessions', sessions),
  ...of('entries', entries),
  ...of('pings', pings),
  ...of('headers', headers),
  ...of('status', status),
];
