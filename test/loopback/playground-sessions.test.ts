/**
 * The comparison in the playground: two sockets through the same faults, one with a session and one without. Every control is
 * pressed, and what counts is what the page shows then.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Browser, BrowserContextOptions, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { launchChromium } from '../helpers/chromium.js';
import { startPlayground } from '../helpers/playground.js';
import { unreadableTexts } from '../helpers/readability.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const shots = `${tmpdir()}/longsocket-playground`;
type LaneName = 'session' | 'plain';

let vite: ChildProcess;
let address: string;
let browser: Browser;
let page: Page;
/** What the page threw. */
let troubles: string[];

beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  [{ vite, address }, browser] = await Promise.all([startPlayground(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  vite?.kill();
});

afterEach(async () => {
  await page?.context().close();
  expect(troubles).toEqual([]);
});

/** A page as everybody sees it first, with both sockets connected and numbers coming in. */
async function visit(options: BrowserContextOptions = {}): Promise<void> {
  troubles = [];
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  page = await context.newPage();
  page.on('pageerror', (error) => troubles.push(String(error)));
  await page.goto(address);
  for (const lane of ['session', 'plain'] as const) await counts(lane, 3);
}

const text = (selector: string): Promise<string> => page.locator(selector).innerText();
const figure = async (selector: string): Promise<number> => Number.parseInt(await text(selector), 10);

async function shows(selector: string, expected: string | RegExp, timeout = 8000): Promise<void> {
  await expect.poll(() => text(selector), { timeout, interval: 30 }).toMatch(expected);
}

/** So many more numbers arrive, both ways. */
async function counts(lane: LaneName, more: number, timeout = 15_000): Promise<void> {
  for (const way of ['up', 'down']) {
    const cell = `#${lane}-${way}-arrived`;
    const least = (await figure(cell)) + more;
    await expect.poll(() => figure(cell), { timeout, interval: 50 }).toBeGreaterThanOrEqual(least);
  }
}

/** What ought to be zero, both ways. */
async function faultsOf(lane: LaneName): Promise<Record<string, number>> {
  const names = ['up', 'down'].flatMap((way) => ['lost', 'duplicated', 'disordered'].map((kind) => `${way}-${kind}`));
  const values = await Promise.all(names.map(async (name) => [name, await figure(`#${lane}-${name}`)] as const));
  return Object.fromEntries(values);
}

const flawless = {
  'up-lost': 0,
  'up-duplicated': 0,
  'up-disordered': 0,
  'down-lost': 0,
  'down-duplicated': 0,
  'down-disordered': 0,
};

/** In how many columns of the timeline the bars of both rows stand one above the other. */
function overlap(lane: LaneName): Promise<number> {
  return page.evaluate((name) => {
    const canvas = document.querySelector<HTMLCanvasElement>(`#${name}-plot canvas`);
    const context = canvas?.getContext('2d');
    if (!canvas || !context) return -1;
    /** Near the upper edge of the upper bars and the lower edge of the lower ones: labels are in the middle. */
    const [upper, lower] = [41, 79].map((y) => context.getImageData(88, y, canvas.width - 102, 1).data);
    const isGreen = (data: Uint8ClampedArray | undefined, at: number): boolean => {
      const [red = 0, green = 0, blue = 0, alpha = 0] = data?.slice(at, at + 4) ?? [];
      return alpha > 60 && green > red + 25 && green > blue + 10;
    };
    let columns = 0;
    for (let at = 0; at < (upper?.length ?? 0); at += 4) if (isGreen(upper, at) && isGreen(lower, at)) columns += 1;
    return columns;
  }, lane);
}

test('rotated, cut and swallowed: with a session every number arrives once and in order, without many are lost', async () => {
  await visit();
  await shows('.masthead p', /see whose numbers arrive/);
  await page.click('#fault-rotate');
  await counts('session', 10);
  await page.click('#fault-cut');
  await counts('session', 10);
  await page.click('#fault-blackhole');
  await shows('#fault-blackhole', /\bdead\b/);
  await page.waitForTimeout(1000);
  await page.click('#fault-rotate'); // into the black hole
  await counts('session', 20);
  await counts('plain', 20);
  await page.click('#fault-rotate');
  await counts('session', 20);

  expect(await faultsOf('session')).toEqual(flawless);
  await shows('#session-verdict', /^0$/);
  await shows('#session-up-longest', /^\d\.\d s$/); // late, not lost
  const plain = await faultsOf('plain');
  expect(plain['up-lost']).toBeGreaterThan(0);
  expect(plain['down-lost']).toBeGreaterThan(0);
  expect(await figure('#plain-verdict')).toBeGreaterThanOrEqual((plain['up-lost'] ?? 0) + (plain['down-lost'] ?? 0));
});

test('Rotate: the old connection and the new one overlap, and nobody notices', async () => {
  await visit();
  expect(await overlap('session')).toBe(0);
  const dials = await figure('#figure-dials');
  await page.click('#fault-rotate');
  await shows('#figure-rotations', '1');
  await shows('#log', /you: rotate\(\)/);
  await shows('#log', /rotated \(caller\)/);
  await counts('session', 10);
  await counts('plain', 1);
  expect(await figure('#figure-dials')).toBe(dials + 1);
  expect(await overlap('session')).toBeGreaterThanOrEqual(3);
  expect(await overlap('plain')).toBeGreaterThanOrEqual(3);
  expect(await text('#log')).not.toMatch(/interrupted/);
  expect(await faultsOf('session')).toEqual(flawless);
});

test('Deploy: the old server drains, the new one has the session, and nothing is lost', async () => {
  await visit();
  const name = await text('#fleet li:first-child b');
  await page.click('#fault-drain');
  await shows('#fleet li:nth-child(2)', /draining/);
  await shows('#fault-drain', /draining/);
  expect(await text('#fleet li:first-child b')).not.toBe(name);
  expect(await text('#fleet li:nth-child(2) b')).toBe(name);
  await shows('#fleet li:nth-child(2)', /closed; its sessions have moved/, 10_000);
  await shows('#fleet li:first-child', /takes every new connection/);
  expect(await text('#fleet li:nth-child(2) dd >> nth=0')).toBe('0');
  await shows('#fleet li:first-child dd >> nth=1', '1'); // attached
  await counts('session', 20);
  await counts('plain', 1, 20_000);
  expect(await faultsOf('session')).toEqual(flawless);
});

test('Restart: the session comes back from the store', async () => {
  await visit();
  await page.click('#fault-restart');
  await shows('#fleet li:first-child', /restarting; its sessions are in the store/);
  await shows('#session-state', /Connecting, \d+ messages? waits?/);
  await shows('#session-state', /^Connected$/, 12_000);
  await shows('#fleet li:first-child', /takes every new connection/);
  await counts('session', 20);
  expect(await faultsOf('session')).toEqual(flawless);
});

test('the server’s stats() are shown: what is retained while a client is away', async () => {
  await visit();
  const cell = (index: number): string => `#fleet li:first-child dd >> nth=${index}`;
  await shows(cell(1), '1');
  await shows(cell(3), '1');
  await page.click('#fault-refuse');
  await page.click('#fault-cut');
  await shows(cell(1), '0');
  await expect.poll(() => figure(cell(4)), { timeout: 8000 }).toBeGreaterThan(200);
  await page.click('#fault-refuse');
  await shows(cell(1), '1', 12_000);
});

test('the rate of the numbers is chosen, and kept in the address', async () => {
  await visit();
  await page.selectOption('#rate', '0');
  await page.waitForTimeout(1500);
  const before = await text('#lane-session table');
  await page.waitForTimeout(1000);
  expect(await text('#lane-session table')).toBe(before);
  expect(page.url()).toContain('rate=0');
  await page.selectOption('#rate', '50');
  const start = performance.now();
  await counts('plain', 60);
  expect(performance.now() - start).toBeLessThan(6000);
});

test('Start over begins at zero', async () => {
  await visit();
  await page.click('#fault-blackhole');
  await expect.poll(() => figure('#plain-verdict'), { timeout: 15_000 }).toBeGreaterThan(0);
  await page.click('#again');
  await shows('#plain-verdict', /^0$/);
  await counts('session', 3);
  expect(await figure('#plain-verdict')).toBe(0);
});

test('the closer look is at the one or the other, with its code', async () => {
  await visit();
  const isPressed = (name: LaneName): Promise<string | null> =>
    page.locator(`#watch-${name}`).getAttribute('aria-pressed');
  expect([await isPressed('session'), await isPressed('plain')]).toEqual(['true', 'false']);
  await shows('#code', /session: true,/);
  await shows('#code', /new LongSocketServer\(\{[\s\S]*store: store,[\s\S]*server\.drain/);
  await shows('#figure-pending', /^\d+$/);
  await shows('#node-server', /\b1 session$/);
  expect(await page.locator('#heartbeat').isVisible()).toBe(false);

  await page.click('#watch-plain');
  expect([await isPressed('session'), await isPressed('plain')]).toEqual(['false', 'true']);
  const code = await text('#code');
  expect(code).not.toMatch(/session: true|LongSocketServer/);
  expect(code).toContain("message: 'ping',");
  await shows('#figure-pending', 'nobody knows');
  await shows('#node-server', /\b1 connection$/);
  expect(await page.locator('#heartbeat').isVisible()).toBe(true);
  expect(page.url()).toContain('watch=plain');
});

test('the comparison works by keyboard alone', async () => {
  await visit();
  const tabTo = async (id: string): Promise<void> => {
    for (let steps = 0; (await page.evaluate(() => document.activeElement?.id)) !== id; steps += 1) {
      expect(steps, `Tab steps to #${id}`).toBeLessThan(30);
      await page.keyboard.press('Tab');
    }
  };
  await tabTo('fault-rotate');
  await page.keyboard.press('Enter');
  await shows('#figure-rotations', '1');
  await tabTo('rate');
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => page.url()).toContain('rate=50');
  await tabTo('watch-plain');
  await page.keyboard.press('Space');
  await shows('#figure-pending', 'nobody knows');
});

test.each([
  { name: 'light', options: { colorScheme: 'light' } },
  { name: 'dark', options: { colorScheme: 'dark' } },
  { name: 'phone', options: { colorScheme: 'light', viewport: { width: 360, height: 780 }, hasTouch: true } },
] as const)(
  '$name: with trouble on both lanes all is readable, and nothing scrolls sideways',
  async ({ name, options }) => {
    await visit(options);
    await page.click('#fault-rotate');
    await page.waitForTimeout(1500);
    await page.click('#fault-blackhole');
    await page.waitForTimeout(2500);
    expect(await unreadableTexts(page)).toEqual([]);
    await page.screenshot({ path: `${shots}/sessions-${name}-dead.png`, fullPage: true });
    await counts('session', 3);
    await counts('plain', 3);
    await page.click('#fault-drain');
    await shows('#fleet', /draining/);
    expect(await unreadableTexts(page)).toEqual([]);
    await page.waitForTimeout(1500);
    await page.screenshot({ path: `${shots}/sessions-${name}.png`, fullPage: true });
    const width = page.viewportSize()?.width ?? 0;
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    if (name === 'phone') {
      await shows('#score-session', /With a session\s*0 lost/);
      await shows('#score-plain', /Without\s*[1-9]\d* lost/);
    }
  },
);
