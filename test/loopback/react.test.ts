/** The hooks in a real Chromium, with React 18 and 19, as they are built: what a page shows, and what its server sees. */
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import type { Browser, Page } from 'playwright';
import type { ReactNode } from 'react';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import type { LongSocket } from '../../src/index.js';
import { LongSocketServer } from '../../src/server.js';
import { launchChromium } from '../helpers/chromium.js';
import { bundleForPage, type Lab, type LabServer, serveLab, serverLab, type Version } from '../helpers/react-lab.js';
import { WsServer } from '../helpers/ws-server.js';

declare const lab: Lab;

vi.setConfig({ hookTimeout: 60_000 });

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

/** A server that says 1, 2, 3 … to everybody who comes, at once, and then goes on when told to. */
async function countingServer(
  first: number,
): Promise<{ server: WsServer; url: string; say(from: number, to: number): void }> {
  const say = (socket: WebSocket, from: number, to: number): void => {
    for (let n = from; n <= to; n += 1) socket.send(String(n));
  };
  const server = await WsServer.listen({ onSocket: (socket) => say(socket, 1, first) });
  return {
    server,
    url: `ws://127.0.0.1:${server.port}/`,
    say: (from, to) => {
      for (const socket of server.accepted) if (socket.readyState === socket.OPEN) say(socket, from, to);
    },
  };
}

/** How many connections there were, and how many there are. */
const connections = ({ accepted }: WsServer): [number, number] => [
  accepted.length,
  accepted.filter((socket) => socket.readyState === socket.OPEN).length,
];

async function sessionServer(): Promise<LongSocketServer> {
  const server = new LongSocketServer({ port: 0, host: '127.0.0.1', origins: '*' });
  onTestFinished(() => server.close());
  await server.listening;
  return server;
}

describe.each<Version>(['18', '19'])('React %s', (version) => {
  let pages: LabServer;
  let page: Page;
  let troubles: string[];

  beforeAll(async () => {
    pages = await serveLab(version);
  });

  afterAll(() => pages?.close());

  beforeEach(async () => {
    troubles = [];
    pages.markup = '';
    page = await (await browser.newContext()).newPage();
    page.on('pageerror', (error) => troubles.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
    await page.goto(pages.url);
  });

  afterEach(async () => {
    await page.context().close();
    expect(troubles).toEqual([]);
  });

  test('is the one that is meant', async () => {
    expect(await page.evaluate(() => lab.React.version)).toMatch(new RegExp(`^${version}\\.`));
  });

  test('one socket under StrictMode, which hears everything from its first message on, and is closed with the component', async () => {
    const { server, url, say } = await countingServer(500);
    const renders = await page.evaluate(async (url) => {
      let renders = 0;
      function Sums(): ReactNode {
        renders += 1;
        const socket = lab.useLongSocket(() => new lab.LongSocket(url), [url]);
        const { status } = lab.useSocketState(socket);
        const heard = lab.useMessages(socket, (list: string[], message) => [...list, String(message)], []);
        const inOrder = heard.every((message, index) => message === String(index + 1));
        return `${status} ${heard.length} ${inOrder}`;
      }
      lab.kept.root = lab.show(lab.h(Sums));
      await lab.until(() => lab.text() === 'connected 500 true');
      return renders;
    }, url);
    expect(renders).toBeGreaterThan(3);
    expect(connections(server)).toEqual([1, 1]);
    say(501, 510);
    await page.evaluate(() => lab.until(() => lab.text() === 'connected 510 true'));

    await page.evaluate(() => (lab.kept.root as { unmount(): void }).unmount());
    await expect.poll(() => connections(server)).toEqual([1, 0]);
  });

  test('other deps close the socket and open another, whose messages begin anew', async () => {
    const { server, url } = await countingServer(3);
    const states = await page.evaluate(async (url) => {
      const seen: string[] = [];
      let change: (room: string) => void = () => {};
      function Room(): ReactNode {
        const [room, setRoom] = lab.React.useState('a');
        change = setRoom;
        const socket = lab.useLongSocket(() => new lab.LongSocket(url + room), [room]);
        const { status } = lab.useSocketState(socket);
        const heard = lab.useMessages(socket, (sum: number) => sum + 1, 0);
        const shown = `${room} ${status} ${heard}`;
        if (seen.at(-1) !== shown) seen.push(shown);
        return shown;
      }
      lab.show(lab.h(Room));
      await lab.until(() => lab.text() === 'a connected 3');
      seen.length = 0;
      change('a');
      change('b');
      await lab.until(() => lab.text() === 'b connected 3');
      return seen;
    }, url);
    await expect.poll(() => connections(server)).toEqual([2, 1]);
    expect(server.requests.map(({ url }) => url)).toEqual(['/a', '/b']);
    // Nothing of the one room is shown as the other's.
    expect(states[0]).toBe('b connecting 0');
  });

  test('a render that suspends opens no socket, and one that suspends later keeps it and misses nothing', async () => {
    const { server, url, say } = await countingServer(3);
    await page.evaluate(async (url) => {
      let done = false;
      let finish: () => void = () => {};
      const wait = (): Promise<void> =>
        new Promise((resolve) => {
          done = false;
          finish = () => {
            done = true;
            resolve();
          };
        });
      let waiting = wait();
      let again: (n: number) => void = () => {};
      function Inner(): ReactNode {
        const socket = lab.useLongSocket(() => new lab.LongSocket(url), []);
        const heard = lab.useMessages(socket, (sum: number) => sum + 1, 0);
        [, again] = lab.React.useState(0);
        if (!done) throw waiting;
        return `heard ${heard}`;
      }
      lab.kept.finish = () => finish();
      lab.kept.suspend = () => {
        waiting = wait();
        again(Math.random());
      };
      lab.show(lab.h(lab.React.Suspense, { fallback: 'wait' }, lab.h(Inner)));
      await lab.until(() => lab.text() === 'wait');
    }, url);
    await page.waitForTimeout(100);
    expect(connections(server)).toEqual([0, 0]);
    const until = (text: string): Promise<void> =>
      page.evaluate((text) => lab.until(() => document.getElementById('root')?.innerText === text), text);
    await page.evaluate(() => (lab.kept.finish as () => void)());
    await until('heard 3');
    expect(connections(server)).toEqual([1, 1]);

    await page.evaluate(() => (lab.kept.suspend as () => void)());
    await until('wait');
    say(4, 6);
    await page.waitForTimeout(100);
    await page.evaluate(() => (lab.kept.finish as () => void)());
    await until('heard 6');
    expect(connections(server)).toEqual([1, 1]);
  });

  test('a hot reload keeps the socket, its state and its messages; one that remounts leaves one socket', async () => {
    const { server, url } = await countingServer(3);
    await page.evaluate(async (url) => {
      const component = (name: string) =>
        function Counter(): ReactNode {
          const [start] = lab.React.useState(() => name);
          const socket = lab.useLongSocket(() => new lab.LongSocket(url), []);
          const { status } = lab.useSocketState(socket);
          const heard = lab.useMessages(socket, (sum: number) => sum + 1, 0);
          return `${name} since ${start}: ${status} ${heard}`;
        };
      const [first, second, third] = ['first', 'second', 'third'].map(component) as [
        () => ReactNode,
        () => ReactNode,
        () => ReactNode,
      ];
      // Known to the reload before it is shown, as a bundler's plugin sees to.
      lab.kept.refresh = (n: number) => (n === 2 ? lab.refresh(first, second) : lab.refresh(second, third, true));
      lab.show(lab.h(first));
      await lab.until(() => lab.text() === 'first since first: connected 3');
      (lab.kept.refresh as (n: number) => void)(2);
      await lab.until(() => lab.text() === 'second since first: connected 3');
    }, url);
    await page.waitForTimeout(100);
    expect(connections(server)).toEqual([1, 1]);
    await page.evaluate(async () => {
      (lab.kept.refresh as (n: number) => void)(3);
      await lab.until(() => lab.text() === 'third since third: connected 3');
    });
    await expect.poll(() => connections(server)).toEqual([2, 1]);
  });

  test('the messages of one tick are one render, and those of a reader that has gone are not heard', async () => {
    const seen = await page.evaluate(async () => {
      const clock = new lab.testing.VirtualClock();
      const network = new lab.testing.SimulatedNetwork({ clock });
      let say: (text: string) => void = () => {};
      network.serve((connection) => {
        say = (text) => connection.send(text);
      });
      const socket = new lab.LongSocket('ws://anywhere', { clock, dial: network.dial });
      const renders: string[] = [];
      let reduced = 0;
      function Heard(): ReactNode {
        const heard = lab.useMessages(
          socket,
          (list: string, message) => {
            reduced += 1;
            return list + message;
          },
          '',
        );
        const { status } = lab.useSocketState(socket);
        lab.React.useEffect(() => {
          renders.push(`${status} ${heard}`);
        });
        return heard;
      }
      const root = lab.show(lab.h(Heard), false);
      await lab.until(() => renders.length > 0);
      clock.advance(100);
      await lab.until(() => renders.at(-1) === 'connected ');
      for (const letter of 'abcdefghij') say(letter);
      clock.advance(100);
      await lab.until(() => lab.text() === 'abcdefghij');
      root.unmount();
      say('k');
      clock.advance(100);
      return { renders, reduced };
    });
    expect(seen).toEqual({ renders: ['connecting ', 'connected ', 'connected abcdefghij'], reduced: 10 });
  });

  test('a concurrent render never shows two readers of different opinions', async () => {
    const { commits, torn, during } = await page.evaluate(async () => {
      const clock = new lab.testing.VirtualClock();
      const network = new lab.testing.SimulatedNetwork({ clock });
      let say: () => void = () => {};
      network.serve((connection) => {
        say = () => connection.send('x');
      });
      const socket = new lab.LongSocket('ws://anywhere', { clock, dial: network.dial });
      const torn: string[] = [];
      let [commits, rendering, during, left] = [0, false, 0, 0];
      let set: (n: number) => void = () => {};
      const Reader = lab.React.memo(function Reader({ n }: { n: number }): ReactNode {
        const heard = lab.useMessages(socket, (sum: number) => sum + 1, 0);
        // Slow enough that React lets others in between.
        for (const end = performance.now() + 3; performance.now() < end; );
        return lab.h('i', null, `${heard}:${n} `);
      });
      function Many(): ReactNode {
        const [n, setN] = lab.React.useState(0);
        set = setN;
        rendering = true;
        lab.React.useLayoutEffect(() => {
          rendering = false;
          commits += 1;
          const opinions = new Set([...document.querySelectorAll('i')].map(({ textContent }) => textContent));
          if (opinions.size > 1) torn.push([...opinions].join());
        });
        return Array.from({ length: 8 }, (_, key) => lab.h(Reader, { n, key }));
      }
      lab.show(lab.h(Many), false);
      await lab.until(() => commits > 0);
      clock.advance(100);
      const timer = setInterval(() => {
        if (!rendering || left === 0) return;
        left -= 1;
        during += 1;
        say();
        clock.advance(100);
      }, 4);
      for (let n = 1; n <= 5; n += 1) {
        left = 3;
        lab.React.startTransition(() => set(n));
        await lab.until(() => document.querySelector('i')?.textContent?.endsWith(`:${n} `) === true);
      }
      clearInterval(timer);
      return { commits, torn, during };
    });
    expect(commits).toBeGreaterThanOrEqual(6);
    // It was interrupted: otherwise nothing is shown by this.
    expect(during).toBeGreaterThan(0);
    expect(torn).toEqual([]);
  });

  test('with a session, a component that comes late has every message, and so have two that come together', async () => {
    const server = await sessionServer();
    server.on('connection', (socket) => {
      for (let n = 1; n <= 50; n += 1) socket.send(String(n));
    });
    const url = `ws://127.0.0.1:${server.address()?.port}/`;
    await page.evaluate(async (url) => {
      let show: (shown: boolean) => void = () => {};
      function List({ socket }: { socket: LongSocket | undefined }): ReactNode {
        const heard = lab.useMessages(socket, (list: string[], message) => [...list, String(message)], []);
        return ` ${heard.length} ${heard.every((message, index) => message === String(index + 1))}`;
      }
      function Late(): ReactNode {
        const [shown, setShown] = lab.React.useState(false);
        show = setShown;
        const socket = lab.useLongSocket(() => new lab.LongSocket(url, { session: true }), [url]);
        const { status } = lab.useSocketState(socket);
        return [status, ...(shown ? [1, 2].map((key) => lab.h(List, { socket, key })) : [])];
      }
      lab.show(lab.h(Late));
      await lab.until(() => lab.text() === 'connected');
      await new Promise((resolve) => setTimeout(resolve, 100));
      show(true);
      await lab.until(() => lab.text() === 'connected 50 true 50 true');
    }, url);
    expect(server.stats()).toMatchObject({ sessions: 1, attached: 1 });
  });

  test('the state is followed through a cut to the next connection', async () => {
    const { server, url } = await countingServer(1);
    await page.evaluate(async (url) => {
      const states: string[] = [];
      lab.kept.states = states;
      function Status(): ReactNode {
        const socket = lab.useLongSocket(() => new lab.LongSocket(url), []);
        const { status } = lab.useSocketState(socket);
        const heard = lab.useMessages(socket, (sum: number) => sum + 1, 0);
        if (states.at(-1) !== status) states.push(status);
        return `${status} ${heard}`;
      }
      lab.show(lab.h(Status));
      await lab.until(() => lab.text() === 'connected 1');
    }, url);
    server.accepted[0]?.terminate();
    const states = await page.evaluate(async () => {
      await lab.until(() => lab.text() === 'connected 2');
      return lab.kept.states;
    });
    expect(states).toEqual(['connecting', 'connected', 'connecting', 'connected']);
  });

  test('what create and the reducer throw goes to an error boundary, and a mistake is told as one', async () => {
    const { server, url } = await countingServer(3);
    const told = await page.evaluate(async (url) => {
      class Boundary extends lab.React.Component<{ children: ReactNode }, { error?: Error }> {
        override state: { error?: Error } = {};
        static getDerivedStateFromError(error: Error): { error: Error } {
          return { error };
        }
        override render(): ReactNode {
          const { error } = this.state;
          return error ? `${(error as Error & { code?: string }).code ?? ''} ${error.message}` : this.props.children;
        }
      }
      const wrong = 'nothing' as unknown as undefined;
      const mistakes: Record<string, () => unknown> = {
        reducer: () => {
          const socket = lab.useLongSocket(() => new lab.LongSocket(url), []);
          return lab.useMessages(
            socket,
            (sum: number, message) => {
              if (message === '2') throw new Error('cannot read 2');
              return sum + 1;
            },
            0,
          );
        },
        option: () => lab.useLongSocket(() => new lab.LongSocket(url, { backoffBase: -1 }), []) && 'opened',
        result: () => lab.useLongSocket((async () => {}) as unknown as () => never, []) && 'opened',
        create: () => lab.useLongSocket(wrong as unknown as () => never, []) && 'opened',
        deps: () => lab.useLongSocket(() => new lab.LongSocket(url), wrong as unknown as []) && 'opened',
        changing: () => lab.useLongSocket(() => new lab.LongSocket(url), [{ url }]) && 'opened',
        state: () => lab.useSocketState(wrong).status,
        socket: () => lab.useMessages(wrong, (sum: number) => sum, 0),
        another: () => {
          const [, again] = lab.React.useState(0);
          lab.React.useEffect(() => again(1), []);
          return lab.useMessages(new lab.LongSocket(url, { autoConnect: false }), (sum: number) => sum, 0);
        },
        function: () => lab.useMessages(undefined, wrong as unknown as (sum: number) => number, 0),
      };
      const told: Record<string, string> = {};
      for (const [name, use] of Object.entries(mistakes)) {
        const root = lab.createRoot(document.getElementById('root') as Element);
        const Mistaken = (): ReactNode => `fine: ${use()}`;
        root.render(lab.h(Boundary, null, lab.h(Mistaken)));
        await lab.until(() => lab.text() !== '' && !/fine: (undefined|\d|connecting)$/.test(lab.text()));
        told[name] = lab.text();
        root.unmount();
      }
      return told;
    }, url);
    expect(told).toEqual({
      reducer: ' cannot read 2',
      option: expect.stringMatching(/^INVALID_OPTION /),
      result: expect.stringMatching(/^INVALID_ARGUMENT .*`create` must return a LongSocket.*\[object Promise\]/),
      create: expect.stringMatching(/^INVALID_ARGUMENT .*`create` must be a function.*got nothing/),
      deps: expect.stringMatching(/^INVALID_ARGUMENT .*`deps` must be an array.*got nothing/),
      changing: expect.stringMatching(/^INVALID_ARGUMENT .*`deps` are others at every render/),
      state: expect.stringMatching(/^INVALID_ARGUMENT useSocketState: `socket` must be a LongSocket/),
      socket: expect.stringMatching(/^INVALID_ARGUMENT useMessages: `socket` must be a LongSocket/),
      another: expect.stringMatching(/^INVALID_ARGUMENT useMessages: `socket` is another at every render/),
      function: expect.stringMatching(/^INVALID_ARGUMENT useMessages: `reducer` must be a function/),
    });
    // The reducer's, and perhaps that of the first render of changing deps, closed as soon as it was dialed.
    await expect.poll(() => connections(server)[1]).toBe(0);
    expect(server.accepted.length).toBeLessThanOrEqual(2);
    // React reports what a boundary has caught.
    expect(troubles.length).toBeGreaterThan(0);
    troubles = troubles.filter(
      (text) => !/cannot read 2|LongSocketError|error boundary|The above error occurred/.test(text),
    );
  });

  test('the component of README does what it says', async () => {
    const server = await sessionServer();
    server.on('connection', (socket) => socket.on('message', (line) => socket.send(`you said: ${line}`)));
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const code = /```jsx\n([\s\S]*?createRoot[\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const at = `127.0.0.1:${server.address()?.port}`;
    await page.addScriptTag({ content: await bundleForPage(version, code.replace('localhost:8080', at)) });
    await page.getByText('connected').waitFor();
    for (const line of ['hello', 'again']) {
      await page.getByRole('textbox').fill(line);
      await page.getByRole('textbox').press('Enter');
      await page.getByText(`you said: ${line}`).waitFor();
    }
    expect(await page.locator('li').allInnerTexts()).toEqual(['you said: hello', 'you said: again']);
    expect(server.stats()).toMatchObject({ sessions: 1, attached: 1 });
  });

  test('rendered on a server no socket is opened, and the page takes over what came from there', async () => {
    const { server: live, url } = await countingServer(3);
    const { React, server, useLongSocket, useMessages, useSocketState, LongSocket } = await serverLab(version);
    expect(React.version).toMatch(new RegExp(`^${version}\\.`));
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => {});
    function Page(): ReactNode {
      const socket = useLongSocket(() => new LongSocket(url), [url]);
      const { status } = useSocketState(socket);
      const heard = useMessages(socket, (sum: number) => sum + 1, 0);
      return `${status} ${heard}`;
    }
    const element = React.createElement(React.StrictMode, null, React.createElement(Page));
    const text = server.renderToString(element);
    expect(text).toBe('connecting 0');
    const streamed = await new Promise<string>((resolve, reject) => {
      const { pipe } = server.renderToPipeableStream(element, { onAllReady: () => pipe(sink), onError: reject });
      const chunks: Buffer[] = [];
      const sink = new Writable({
        write: (chunk, _encoding, done) => {
          chunks.push(chunk);
          done();
        },
        final: (done) => {
          resolve(Buffer.concat(chunks).toString());
          done();
        },
      });
    });
    expect(streamed).toBe(text);
    expect(complaints.mock.calls).toEqual([]);
    complaints.mockRestore();

    pages.markup = text;
    await page.goto(pages.url);
    expect(live.requests).toEqual([]);
    const problems = await page.evaluate(async (url) => {
      function Page(): ReactNode {
        const socket = lab.useLongSocket(() => new lab.LongSocket(url), [url]);
        const { status } = lab.useSocketState(socket);
        const heard = lab.useMessages(socket, (sum: number) => sum + 1, 0);
        return `${status} ${heard}`;
      }
      const problems: string[] = [];
      const onRecoverableError = (error: unknown): void => void problems.push(String(error));
      const element = lab.h(lab.React.StrictMode, null, lab.h(Page));
      lab.hydrateRoot(document.getElementById('root') as Element, element, { onRecoverableError });
      await lab.until(() => lab.text() === 'connected 3');
      return problems;
    }, url);
    expect(problems).toEqual([]);
    expect(connections(live)).toEqual([1, 1]);
  });
});
