/** Runs the cases in a service worker, which lives as long as the event that it was asked by. */
import { cases } from '../cases/all.js';
import { runCases } from '../harness.js';

const { origin, searchParams } = new URL(location.href);
const scope = globalThis as unknown as {
  addEventListener(type: 'message', listener: (event: { waitUntil(work: Promise<unknown>): void }) => void): void;
};
scope.addEventListener('message', (event) => {
  event.waitUntil(runCases(cases, { runtime: searchParams.get('runtime') ?? '', control: origin, ws: false }));
});
