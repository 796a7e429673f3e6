/** Runs the cases in a page, or in a worker; the URL says under which name. */
import { cases } from '../cases/all.js';
import { runCases } from '../harness.js';

const { origin, searchParams } = new URL(location.href);
await runCases(cases, { runtime: searchParams.get('runtime') ?? '', control: origin, ws: false });
