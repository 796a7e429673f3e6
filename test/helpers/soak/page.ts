/** Clients in a page, as `window.soak`. The page's own `bench` has the build for browsers. */
import type { Bench } from '../page-server.js';
import { type ClientProgram, clientsOf } from './clients.js';

declare const bench: Bench;
declare global {
  interface Window {
    soak: ClientProgram;
  }
}

window.soak = clientsOf(bench.LongSocket);
