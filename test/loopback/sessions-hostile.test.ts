/**
 * Clients that mean no good, or are out of their minds, against a real server in a process of its own: none of them ends
 * it, fills its memory or is noticed by the well-behaved session beside them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { seededRandom } from '../../src/testing/random.js';
import type { Child } from '../helpers/soak/child.js';
import type { ClientProgram } from '../helpers/soak/clients.js';
import { settle, startClients, startServer, urlOf } from '../helpers/soak/scene.js';
import type { ServerProgram } from '../helpers/soak/server.js';
import { hello, Stranger } from '../helpers/soak/stranger.js';
import { eventsOf, sentBy, verdict } from '../helpers/soak/verdict.js';

vi.setConfig({ testTimeout: 40_000 });

const MiB = 2 ** 20;
const most = Number.MAX_SAFE_INTEGER;

interface Scene {
  readonly server: Child<ServerProgram>;
  readonly neighbour: Child<ClientProgram>;
  readonly url: string;
  readonly used: number;
}

/** A server with one well-behaved session, which talks both ways. */
async function scene(options: Parameters<ServerProgram['listen']>[0] = {}): Promise<Scene> {
  const [server, neighbour] = [await startServer(), await startClients()];
  const url = urlOf({ port: await server.ask('listen', options) });
  await neighbour.ask('connect', url, ['neighbour'], { session: true });
  await neighbour.ask('talk', 200);
  await server.ask('talkIn', 'neighbour', 200);
  await sleep(200);
  return { server, neighbour, url, used: (await server.ask('memory')).used };
}

/** The server lives, has forgotten the attack, and the neighbour has noticed nothing. */
async function expectUndisturbed({ server, neighbour, used: before }: Scene, allowed = 8 * MiB): Promise<void> {
  const { used } = await server.ask('memory');
  expect(used - before).toBeLessThan(allowed);
  const { atClients, atServer } = await settle(server, [neighbour], 'neighbour');
  expect(verdict(atClients, atServer)).toEqual([]);
  expect(sentBy(atClients)).toBeGreaterThan(30);
  expect(eventsOf(atClients, 'interrupted', 'lost', 'close', 'failed')).toEqual([]);
  expect(server.errors).toBe('');
}

const misgreetings: Record<string, readonly string[]> = {
  'a HELLO that is cut off': ['H', 'H{', 'H{"v":1', hello.slice(0, -1)],
  'a HELLO that is no object': [
    'H1',
    'Hnull',
    'H[]',
    'H"x"',
    'H{"v":"1","b":65536}',
    'H{"v":1,"b":-1}',
    'H{"v":1,"b":1e99}',
  ],
  'a RESUME that is cut off or nonsense': [
    'R',
    'R{',
    'Rnull',
    'R{"v":1}',
    'R{"v":1,"s":1,"k":2,"n":3,"r":4,"c":5}',
    'R{"v":1,"s":{"toString":1},"k":[],"n":"1","r":null,"c":true}',
    `R{"v":1,"s":"__proto__","k":"constructor","n":1,"r":0,"c":0}`,
    `R{"v":1,"s":"x","k":"y","n":${most}0,"r":${most}0,"c":-1}`,
  ],
  'frames that belong behind a greeting': ['A0', 'P1,0', 'O1,0', 'T0,0,1', 'F{"c":1000,"m":""}', 'Z', '\u0010data'],
  'frames that only a server says': ['W{}', 'G{"d":1,"w":1,"why":""}', 'X{"why":"unknown"}'],
};

test('what is no greeting ends the connection with a code that says so, and no session comes of it', async () => {
  const all = await scene();
  for (const [what, frames] of Object.entries(misgreetings)) {
    for (const frame of frames) {
      const stranger = await Stranger.dial(all.url, frame);
      expect([what, frame, await stranger.ends()]).toEqual([what, frame, expect.toSatisfy(isOurs)]);
    }
  }
  const binary = await Stranger.dial(all.url);
  binary.ws.send(Uint8Array.of(0x10, 0x48, 0x7b));
  expect(await binary.ends()).toSatisfy(isOurs);
  expect(await all.server.ask('paths')).toEqual(['neighbour']);
  await expectUndisturbed(all);
});

/** A protocol error (4903), GONE (4904), or no greeting (4905): never a crash's 1006 or 1011. */
const isOurs = (code: unknown): boolean => [4903, 4904, 4905, 4907, 4908].includes(code as number);

const misbehaviour: Record<string, readonly string[]> = {
  'a second greeting': [hello],
  'a RESUME behind a greeting': ['R{"v":1,"s":"x","k":"y","n":1,"r":0,"c":0}'],
  'a control frame that is cut off': ['A', 'P', 'P1', 'O', 'T', 'T1,2', 'F', 'F{'],
  'an ACK of what was never sent': ['A1', `A${most}`, 'P7,99', 'O7,99'],
  'numbers that are none': ['A-1', 'A1e3', 'A0x1', 'A 1', 'ANaN', 'A1.5', `A${most}0`, 'P1,x', 'P-1,0'],
  'a TAKE out of place': ['T0,0,1'],
  'what only a server says': ['W{"s":"x"}', 'G{"d":1,"w":1,"why":"x"}', 'X{"why":"unknown"}'],
  'an unknown upper-case letter': ['Z', 'Q{"x":1}'],
  'a control frame of more than 2048 bytes': [`P${'1'.repeat(3000)},0`, `a${'x'.repeat(3000)}`],
};

test('each kind of malformed control frame ends that connection as a protocol error', async () => {
  const all = await scene();
  for (const [what, frames] of Object.entries(misbehaviour)) {
    for (const frame of frames) {
      const stranger = await Stranger.greeted(`${all.url}stranger`);
      stranger.control(frame);
      expect([what, frame.slice(0, 40), await stranger.ends()]).toEqual([what, frame.slice(0, 40), 4903]);
    }
  }
  await expectUndisturbed(all);
});

test('a lower-case letter of a later version, and repeated or outdated ACKs, are no offence', async () => {
  const all = await scene();
  const stranger = await Stranger.greeted(`${all.url}stranger`);
  stranger.control('z', 'q{"later":true}', 'A0', 'A0', 'A0', 'O99,0', 'P5,0');
  expect(await stranger.hears('O')).toMatch(/^O5,0$/);
  stranger.ws.send('data');
  await vi.waitFor(async () => expect(await all.server.ask('heard', 'stranger')).toBe(1));
  expect(stranger.code).toBeUndefined();
  await expectUndisturbed(all);
});

test('who knows the id of a session but not its key gets nothing, and the session does not notice', async () => {
  const all = await scene();
  const keys = ['', 'x', 'A'.repeat(22), '0'.repeat(32), 'k'.repeat(1000)];
  let attempt = 1_000_000;
  for (const held of [',"h":1', '']) {
    for (const key of keys) {
      // All but the key is right: nothing else gives the stranger away.
      const { neighbour: report } = await all.neighbour.ask('reports');
      const [sid = '', received = 0] = [report?.sessions[0], report?.account.highest];
      const numbers = `"n":${attempt++},"r":${received},"c":0`;
      const stranger = await Stranger.dial(all.url, `R{"v":1,"s":"${sid}","k":"${key}",${numbers}${held}}`);
      expect(await stranger.ends()).toSatisfy(isOurs);
      // Not a number of the session: neither what it received nor anything else.
      expect(stranger.heard).toEqual([expect.stringMatching(/^X/)]);
      expect(JSON.parse((stranger.heard[0] as string).slice(1))).toEqual({ why: 'key' });
    }
  }
  await expectUndisturbed(all);
});

test('a second connection of its own session gets a stranger nothing that the rules do not give', async () => {
  const all = await scene();
  const first = await Stranger.greeted(`${all.url}own`);
  const { s: sid, k: key } = first.welcome;
  let attempt = 0;
  const resume = (numbers: string, n = ++attempt): string => `R{"v":1,"s":"${sid}","k":"${key}","n":${n},${numbers}}`;
  /** What a held connection says after WELCOME, and the code with which it ends. */
  const onHeld: [string, number][] = [
    ['T99,0,1', 4904],
    ['T0,9,1', 4904],
    ['T0,0,99', 4904],
    ['T0,0,0', 4904],
    ['T0,0', 4903],
    ['A0', 4903],
    ['\u0010data', 4903],
    [hello, 4903],
  ];
  for (const [frame, code] of onHeld) {
    await sleep(210); // Resumes of one session are 200 ms apart.
    const held = await Stranger.dial(`${all.url}own`, resume('"r":0,"c":0,"h":1'));
    await held.hears('W');
    held.control(frame);
    expect([frame, await held.ends()]).toEqual([frame, code]);
    expect(first.code).toBeUndefined();
  }
  for (const [greeting, why] of [
    [resume('"r":99,"c":0'), 'range'],
    [resume('"r":0,"c":9'), 'range'],
    [resume('"r":0,"c":0', 1), 'stale'],
  ] as const) {
    await sleep(210);
    const other = await Stranger.dial(`${all.url}own`, greeting);
    expect(JSON.parse((await other.hears('X')).slice(1))).toMatchObject({ why });
    expect(first.code).toBeUndefined();
  }
  await expectUndisturbed(all);
});

test('frames in any order, cut anywhere and repeated, end no server', async () => {
  const all = await scene();
  const random = seededRandom(6);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const number = (): string => pick(['0', '1', '2', '40', String(most), `${most}0`, '-1', '', 'x']);
  const frames = [
    () =>
      `${pick(['A', 'P', 'O', 'T'])}${[number(), number(), number()].slice(0, 1 + Math.floor(random() * 3)).join()}`,
    () => `F{"c":${number()},"m":"bye"}`,
    () => hello,
    () => `R{"v":1,"s":"x","k":"y","n":${number()},"r":${number()},"c":${number()}}`,
    () => 'q',
    () => '\u0010data',
  ];
  for (let n = 0; n < 120; n++) {
    const stranger = n % 3 === 0 ? await Stranger.dial(all.url) : await Stranger.greeted(`${all.url}chaos`);
    for (let said = 0; said < 20; said++) {
      const frame = pick(frames)();
      stranger.control(random() < 0.2 ? frame.slice(0, Math.floor(random() * frame.length)) : frame);
      if (random() < 0.1) stranger.ws.send(new Uint8Array(Math.floor(random() * 100)));
    }
    pick([() => stranger.ws.terminate(), () => stranger.ws.close(pick([1000, 1001, 4903])), () => {}])();
  }
  await expectUndisturbed(all);
});

test('oversized messages end only their own connection', async () => {
  const all = await scene({ maxPayload: 64 * 1024 });
  const stranger = await Stranger.greeted(`${all.url}stranger`);
  stranger.ws.send(new Uint8Array(256 * 1024));
  expect(await stranger.ends()).toBe(1009);
  const greeting = await Stranger.dial(all.url, `H{"v":1,"b":65536,"x":"${'x'.repeat(50_000)}"}`);
  expect(await greeting.ends()).toSatisfy(isOurs);
  await expectUndisturbed(all);
});

test('a flood of control frames is cut off, and the server goes on serving others in time', async () => {
  const all = await scene();
  const floods = ['P1,0', 'A0', 'z', 'O1,0'];
  for (const frame of floods) {
    const stranger = await Stranger.greeted(`${all.url}flood`);
    for (let n = 0; n < 5000; n++) stranger.control(frame);
    const asked = performance.now();
    await all.server.ask('paths');
    expect(performance.now() - asked).toBeLessThan(2000);
    // The close frame may be overtaken by the reset that answers the rest of the flood.
    expect([4903, 1006]).toContain(await stranger.ends());
  }
  await expectUndisturbed(all);
});

test('a flood of HELLOs is stopped at the limit of sessions, and keeps nobody out once it is over', async () => {
  const all = await scene({ maxSessions: 100 });
  const strangers = await Promise.all(Array.from({ length: 300 }, () => Stranger.dial(`${all.url}many`, hello)));
  await vi.waitFor(() => expect(strangers.filter(({ heard }) => heard.length === 0)).toEqual([]), 10_000);
  const welcome = strangers.filter(({ heard }) => heard[0]?.startsWith('W'));
  const refused = strangers.filter(({ heard }) => heard[0]?.startsWith('X'));
  // With the neighbour's it is a hundred.
  expect([welcome.length, refused.length]).toEqual([99, 201]);
  for (const { heard } of refused) expect(JSON.parse((heard[0] as string).slice(1))).toMatchObject({ why: 'busy' });
  for (const { ws } of strangers) ws.terminate();
  await vi.waitFor(async () => expect((await all.server.ask('stats')).attached).toBe(1));
  // Their sessions wait for them, but have never been confirmed.
  await Stranger.greeted(`${all.url}newcomer`);
  expect((await all.server.ask('stats')).sessions).toBeLessThanOrEqual(100);
  await expectUndisturbed(all);
});

test('a reader that never reads costs the server no more than the limits, and its writer is told', async () => {
  const all = await scene();
  const idle = await Stranger.greeted(`${all.url}idle`);
  idle.control('A0');
  idle.ws.pause();
  const taken = await all.server.ask('stuff', 'idle', 256 * MiB);
  // What it may retain, and one message more.
  expect(taken).toBeGreaterThan(32 * 1024);
  expect(taken).toBeLessThanOrEqual(1 * MiB + 16 * 1024);
  await sleep(1000);
  expect(await all.server.ask('stuff', 'idle', 256 * MiB)).toBeLessThanOrEqual(16 * 1024);
  await expectUndisturbed(all);
});

test('garbage instead of WebSocket ends only its own connection', async () => {
  const all = await scene();
  const ends: Promise<unknown>[] = [];
  for (let n = 0; n < 50; n++) {
    const stranger = await Stranger.greeted(`${all.url}garbage`);
    const { _socket: tcp } = stranger.ws as unknown as { _socket: import('node:net').Socket };
    tcp.write(Buffer.from(Array.from({ length: 200 }, (_, i) => (i * 7 + n * 13) % 256)));
    tcp.end();
    ends.push(stranger.ends());
  }
  await Promise.all(ends);
  await expectUndisturbed(all);
});
