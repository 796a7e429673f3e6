/** A process with real clients in it. */
import { LongSocket } from 'longsocket';
import { clientsOf } from './clients.js';
import { answer } from './commands.js';

answer(clientsOf(LongSocket));
