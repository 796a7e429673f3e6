/** What the library does to the process it runs in: nothing. In processes of their own, with what was built. */
import { expect, test } from 'vitest';
import { built, runModule } from '../helpers/child.js';
import { listenRaw } from '../helpers/raw-server.js';
import { WsServer } from '../helpers/ws-server.js';

/** Where a socket can be when it is closed: a program that has a socket `s` get there, given a URL. */
const phases: Record<string, { readonly server: 'echo' | 'silent' | 'none'; readonly program: string }> = {
  'before the first dial': { server: 'echo', program: `s = new LongSocket(url, { autoConnect: false });` },
  'while a provider of the url hangs': {
    server: 'echo',
    program: `s = new LongSocket(() => new Promise(() => {})); await sleep(30);`,
  },
  'while the server does not answer the upgrade': {
    server: 'silent',
    program: `s = new LongSocket(url); await sleep(50);`,
  },
  'in the tick of the dial': { server: 'echo', program: `s = new LongSocket(url);` },
  'while waiting to dial again': {
    server: 'none',
    program: `s = new LongSocket(url, { backoffBase: 60000, backoffCap: 60000, random: () => 0.9 });
      await new Promise((resolve) => s.on('reconnecting', resolve));`,
  },
  'while onConnect hangs': {
    server: 'echo',
    program: `await new Promise((resolve) => {
        s = new LongSocket(url, { onConnect: async (c) => { resolve(); await c.receive(); } });
      });`,
  },
  'while connected, with messages just sent': {
    server: 'echo',
    program: `s = new LongSocket(url); await s.opened; for (let i = 0; i < 100; i++) s.send('x');`,
  },
  'while connected, behind a probe': {
    server: 'echo',
    program: `s = new LongSocket(url, { heartbeat: { interval: 20, timeout: 9000 } }); await s.opened; await sleep(80);`,
  },
};

for (const [phase, { server, program }] of Object.entries(phases)) {
  test(`a process ends within 100 ms of close() ${phase}`, async () => {
    const { url } = server === 'echo' ? await WsServer.listen() : await listenRaw();
    const { code, stdout, stderr } = await runModule(`
      import { setTimeout as sleep } from 'node:timers/promises';
      import { LongSocket } from '${built('index.js')}';
      const url = '${server === 'none' ? 'ws://127.0.0.1:1/' : url}';
      let s;
      ${program}
      const events = [];
      for (const name of ['error', 'failed', 'close']) s.on(name, () => events.push(name));
      const status = s.state.status;
      const asked = performance.now();
      process.on('exit', () => console.log(JSON.stringify({ status, events, ms: performance.now() - asked })));
      s.close();
    `);
    expect([code, stderr]).toEqual([0, '']);
    const { status, events, ms } = JSON.parse(stdout) as { status: string; events: string[]; ms: number };
    expect(ms).toBeLessThan(100);
    expect(events).toEqual(status === 'closed' ? [] : ['close']);
  });
}

test('listeners, hooks and handlers that throw or reject starve nobody and do not end the process', async () => {
  const server = await WsServer.listen();
  const { code, stdout, stderr } = await runModule(`
    import { LongSocket, respond } from '${built('index.js')}';
    const s = new LongSocket('${server.url}', {
      backoffBase: 1,
      inspect() { throw new Error('from inspect'); },
      shouldReconnect() { throw new Error('from shouldReconnect'); },
    });
    s.on('open', () => { throw new Error('from a listener'); });
    s.on('open', async () => { throw new Error('from an async listener'); });
    s.on('open', () => { s.send('hello'); });
    s.once('interrupted', () => { throw new Error('from once'); });
    respond(s, () => { throw new Error('from a handler'); });
    let opens = 0;
    s.on('message', (data) => {
      console.log(data);
      opens += 1;
      if (opens === 2) s.close();
      else s.reconnect();
    });
    s.on('close', () => console.log('closed'));
  `);
  expect([code, stdout]).toEqual([0, 'hello\nhello\nclosed\n']);
  for (const place of ['inspect', 'a listener', 'an async listener', 'once', 'a handler']) {
    expect(stderr).toContain(`from ${place}`);
  }
});

test('a provider that rejects, a dial that fails and promises that nobody listens to do not end the process', async () => {
  const { code, stdout, stderr } = await runModule(`
    import { LongSocket } from '${built('index.js')}';
    const rejecting = new LongSocket(async () => { throw new Error('token 503'); }, { maxAttempts: 3, backoffBase: 1 });
    const refused = new LongSocket('ws://127.0.0.1:1/', { maxAttempts: 2, backoffBase: 1 });
    for (const s of [rejecting, refused]) {
      s.opened; s.closed; s.drain(); s.write('x').catch(() => {});
      const seen = [];
      for (const name of ['error', 'reconnecting', 'failed', 'close']) s.on(name, () => seen.push(name));
      s.on('close', ({ cause }) => console.log(cause, seen.join(' ')));
    }
  `);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.trim().split('\n').sort()).toEqual([
    'dial error reconnecting error failed close',
    'provider error reconnecting error reconnecting error failed close',
  ]);
});

test('the builds import where no platform global exists, and touch none of those there are', async () => {
  for (const file of ['browser/index.js', 'browser/testing.js', 'index.js', 'server.js']) {
    // `ws`, which the builds for Node import, needs Node's own globals; what a page or worker has is taken away for all.
    const { code, stdout, stderr } = await runModule(`
      const before = Object.getOwnPropertyNames(globalThis);
      const touched = [];
      const taken = ['WebSocket', 'document', 'window', 'navigator', 'crypto', 'addEventListener', 'EventTarget', 'Event',
        'AbortController', 'performance', 'fetch', 'reportError'];
      if ('${file}'.startsWith('browser')) for (const name of taken) delete globalThis[name];
      for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) {
        const original = globalThis[name];
        globalThis[name] = (...args) => { touched.push(name); return original(...args); };
      }
      Math.random = () => { touched.push('Math.random'); return 0; };
      Date.now = () => { touched.push('Date.now'); return 0; };
      const api = await import('${built(file)}');
      const added = Object.getOwnPropertyNames(globalThis).filter((name) => !before.includes(name));
      console.log(JSON.stringify({ touched, added, exports: Object.keys(api).length > 0 }));
    `);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout), file).toEqual({ touched: [], added: [], exports: true });
  }
});
