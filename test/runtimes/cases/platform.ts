/** What only some platforms can do; the others say so, and how. */
import { assert, type Case, equal } from '../harness.js';

export const headers: readonly Omit<Case, 'group'>[] = [
  {
    name: 'headers and the options of ws go with the upgrade',
    async run(tools) {
      const room = await tools.room();
      const options = { headers: { Authorization: 'Bearer token' }, node: { origin: 'http://somewhere' } };
      if (tools.place.ws) {
        await tools.open(room.url(), options).next('open');
        const { authorization, origin } = (await room.seen()).headers;
        equal({ authorization, origin }, { authorization: 'Bearer token', origin: 'http://somewhere' }, 'the headers');
        return;
      }
      for (const name of ['headers', 'node'] as const) {
        const client = tools.open(room.url(), { [name]: options[name] });
        equal((await client.next('failed')).cause, 'unsupported', 'why it failed');
        const error = client.events.error.at(-1);
        equal(error?.code, 'UNSUPPORTED', 'the code of the error');
        const cause = String((error?.cause as Error | undefined)?.message ?? error?.message);
        assert(cause.includes(name), `the error does not name the option: ${cause}`);
      }
      equal((await room.seen()).upgrades, 0, 'dials');
      tools.gap =
        'No request headers and no `node` options, which are a typed error (`UNSUPPORTED`) before anything is dialed: use the url, subprotocols or cookies.';
    },
  },
];

export const status: readonly Omit<Case, 'group'>[] = [
  {
    name: 'a refused upgrade tells its HTTP status, and how long to wait',
    async run(tools) {
      const room = await tools.room();
      const client = tools.open(room.url('/?status=503'), { maxAttempts: 1 });
      const { cause, status, retryAfter, code, wasClean } = await client.next('failed');
      equal({ code, wasClean }, { code: 1006, wasClean: false }, 'the end');
      if (tools.place.ws) {
        equal({ cause, status, retryAfter }, { cause: 'status', status: 503, retryAfter: 7000 }, 'why it failed');
        return;
      }
      equal({ cause, status }, { cause: 'dial', status: undefined }, 'why it failed');
      tools.gap =
        'The HTTP status and `Retry-After` of a refused upgrade are hidden: it is a failed dial, and retried.';
    },
  },
];
