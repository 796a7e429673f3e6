/** What only some platforms can do; the others say so, and how. */
import { assert, type Case, equal, type Tools } from '../harness.js';

export const headers: readonly Omit<Case, 'group'>[] = [
  {
    name: 'headers go with the upgrade',
    async run(tools) {
      const headers = { Authorization: 'Bearer token', 'X-List': ['one', 'two'] };
      const { ws, runtime } = tools.place;
      if (!ws && runtime !== 'deno') {
        await isRefused(tools, { headers });
        tools.gap =
          'No request headers: they are a typed error (`UNSUPPORTED`), and nothing is dialed. Use the url, subprotocols or cookies.';
        return;
      }
      const room = await tools.room();
      const client = tools.open(room.url(), { headers, protocols: ['first.v1', 'second.v2'] });
      await client.next('open');
      const seen = (await room.seen()).headers;
      equal([seen.authorization, seen['x-list']], ['Bearer token', 'one, two'], 'the headers');
      equal(client.socket.protocol, 'first.v1', 'the subprotocol beside them');
    },
  },
  {
    name: 'the options of ws go with the upgrade',
    async run(tools) {
      const node = { origin: 'http://somewhere' };
      if (!tools.place.ws) {
        await isRefused(tools, { node });
        tools.gap =
          'No `node` options (`origin`, `agent`, TLS and so on): they are a typed error, and nothing is dialed.';
        return;
      }
      const room = await tools.room();
      await tools.open(room.url(), { node }).next('open');
      equal((await room.seen()).headers.origin, node.origin, 'the header');
    },
  },
];

/** An option that cannot be honoured ends it, with a typed error that names it, and no dial. */
async function isRefused(tools: Tools, options: object): Promise<void> {
  const room = await tools.room();
  const client = tools.open(room.url(), options);
  equal((await client.next('failed')).cause, 'unsupported', 'why it failed');
  const error = client.events.error.at(-1);
  equal(error?.code, 'UNSUPPORTED', 'the code of the error');
  const text = String((error?.cause as Error | undefined)?.message ?? error?.message);
  assert(text.includes(Object.keys(options).join()), `the error does not name the option: ${text}`);
  equal((await room.seen()).upgrades, 0, 'dials');
}

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
