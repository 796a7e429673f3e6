/** Runs the cases in a Worker: one request, whose answer is that they are done. */
import { cases } from '../cases/all.js';
import { type Case, equal, runCases } from '../harness.js';

/** The Worker at `url` has tried to be a server. */
const server = (url: string): Case => ({
  group: 'server',
  name: 'longsocket/server says that it cannot be had here',
  async run(tools) {
    equal(await (await fetch(url)).json(), { server: 'UNSUPPORTED', accept: 'UNSUPPORTED' }, 'the codes of its errors');
    tools.gap =
      'Workers have no `net` sockets to upgrade: `new LongSocketServer` and `accept` throw `UNSUPPORTED`. They can be clients.';
  },
});

// biome-ignore lint/style/noDefaultExport: what a Worker is
export default {
  async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const given = (name: string): string => searchParams.get(name) ?? '';
    const place = { runtime: given('runtime'), control: given('control'), ws: false };
    await runCases([...cases, server(given('server'))], place);
    return new Response('done');
  },
};
