import { closingCases } from './cases/closing.js';
import { constructorCases } from './cases/constructor.js';
import { eventCases } from './cases/events.js';
import { interfaceCases } from './cases/interface.js';
import { messageCases } from './cases/messages.js';
import type { Case } from './kit.js';

/** What an implementation of the WHATWG's `WebSocket` is asked, in the words of the standard. */
export const cases: readonly Case[] = [
  ...interfaceCases,
  ...constructorCases,
  ...eventCases,
  ...messageCases,
  ...closingCases,
];
