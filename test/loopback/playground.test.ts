/**
 * The playground in a real browser, started as `npm start` does it, except for the build: `dist` is what is tested. What
 * counts is what the page shows to whoever looks at it.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Browser, BrowserContextOptions, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { launchChromium } from '../helpers/chromium.js';
import { startPlayground } from '../helpers/playground.js';
import { unreadableTexts } from '../helpers/readability.js';

vi.setConfig({ testTimeout: 40_000, hookTimeout: 60_000 });

const shots = `${tmpdir()}/longsocket-playground`;

let vite: ChildProcess;
let address: string;
let browser: Browser;
let page: Page;
/** What the page threw, wrote to the console as an error of its own, or asked of others. */
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
  await fault('refuse', { on: false });
  await fault('age', { ms: null });
  expect(troubles).toEqual([]);
});

async function fault(name: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(new URL(`/faults/${name}`, address), { method: 'POST', headers, body: JSON.stringify(body) });
}

/** A page that is connected; what it holds is gone with it after the test. */
async function visit(options: BrowserContextOptions = {}): Promise<void> {
  troubles = [];
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  page = await context.newPage();
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('request', (request) => {
    if (new URL(request.url()).hostname !== '127.0.0.1') troubles.push(`external: ${request.url()}`);
  });
  // One socket, without a session, and no numbers: the comparison has tests of its own.
  await page.goto(new URL('#rate=0&watch=plain', address).href);
  await shows('#headline', 'Connected');
}

const text = (selector: string): Promise<string> => page.locator(selector).innerText();
const count = async (figure: string): Promise<number> => Number.parseInt(await text(`#figure-${figure}`), 10);

async function shows(selector: string, expected: string | RegExp, timeout = 5000): Promise<void> {
  await expect.poll(() => text(selector), { timeout, interval: 30 }).toMatch(expected);
}

async function reaches(figure: string, least: number, timeout = 5000): Promise<void> {
  await expect.poll(() => count(figure), { timeout, interval: 30 }).toBeGreaterThanOrEqual(least);
}

const pressed = (selector: string): Promise<string | null> => page.locator(selector).getAttribute('aria-pressed');

/** How many pixels of the timeline have the colour of a CSS variable of the page, or nearly: lines have soft edges. */
function pixels(variable: string): Promise<number> {
  return page.evaluate((name) => {
    const probe = document.createElement('canvas').getContext('2d');
    const canvas = document.querySelector<HTMLCanvasElement>('#plot canvas');
    const context = canvas?.getContext('2d');
    if (!probe || !canvas || !context) return -1;
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    const wanted = probe.getImageData(0, 0, 1, 1).data;
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let found = 0;
    for (let i = 0; i < data.length; i += 4) {
      const distance = [0, 1, 2].reduce((sum, c) => sum + Math.abs((data[i + c] ?? 0) - (wanted[c] ?? 0)), 0);
      if ((data[i + 3] ?? 0) > 60 && distance < 60) found += 1;
    }
    return found;
  }, variable);
}

test('the page says what it is, connects by itself and shows its code', async () => {
  await visit();
  await shows('h1', /longsocket/);
  await shows('.masthead p', /Two LongSockets count .* Break it, and see whose numbers arrive/);
  await shows('#announcement', 'Connected');
  await shows('#detail', /^Connection 1, up for \d+\.\d s\. Last heard from the server \d+\.\d s ago\.$/);
  await shows('#node-page', /believes it is connected/);
  await shows('#node-network', /passes everything/);
  await shows('#node-server', /1 connection/);
  expect([await count('connections'), await count('dials')]).toEqual([1, 1]);
  const code = await text('#code');
  expect(code).toMatch(/new LongSocket\('ws:\/\/127\.0\.0\.1:\d+\/\?visitor=\w+', \{/);
  expect(code).toContain("isReply: (data) => data === 'pong',");
  expect(code).toContain('interval: 3000,');
  expect(code).toContain('timeout: 2000,');
});

test('a message comes back, is counted each way and timed', async () => {
  await visit();
  const received = await count('received');
  await page.fill('#text', 'good morning');
  await page.click('text="Send"');
  await shows('#note', '“good morning 1” was sent.');
  await reaches('received', received + 1);
  expect(await count('sent')).toBe(1);
  await shows('#figure-rtt', /^\d+\.\d ms$/);
  await shows('#log', /message-received “good morning 1” → message/);
  await shows('#log', /send “good morning 1” → write “good morning 1”/);
});

test('"Send every second" sends until pressed again', async () => {
  await visit();
  await page.click('#auto');
  expect(await pressed('#auto')).toBe('true');
  await reaches('sent', 2);
  await page.click('#auto');
  expect(await pressed('#auto')).toBe('false');
  const sent = await count('sent');
  await page.waitForTimeout(1300);
  expect(await count('sent')).toBe(sent);
});

test('an idle connection is asked for life and answers', async () => {
  await visit();
  await shows('#log', /write “ping” \(heartbeat\)/, 6000);
  await shows('#log', /message-received “pong”/);
  await shows('#figure-rtt', /^\d+\.\d ms$/);
});

test('Cut: the loss is seen at once, and a new connection takes over', async () => {
  await visit();
  expect(await pixels('--bad')).toBe(0);
  await page.click('#fault-cut');
  await reaches('connections', 2);
  await shows('#headline', 'Connected');
  await shows('#log', /you: cut/);
  await shows('#log', /interrupted \(lost/);
  await expect.poll(() => pixels('--bad')).toBeGreaterThan(20); // the mark of the fault, and its name
});

test('Stall: messages are held back and come late, on the same connection', async () => {
  await visit();
  await page.click('#fault-stall');
  await shows('#node-network', /holds bytes back/);
  const received = await count('received');
  await page.click('text="Send"');
  await page.waitForTimeout(800);
  expect(await count('received')).toBe(received);
  await reaches('received', received + 1);
  await shows('#figure-rtt', /^([789]\d\d\.\d ms|1\.\d\d s)$/);
  await shows('#node-network', /passes everything/);
  expect(await count('connections')).toBe(1);
});

test('Blackhole: the connection is believed in, found dead within heartbeat and timeout, and comes back', async () => {
  await visit();
  const start = performance.now();
  await page.click('#fault-blackhole');
  await shows('#node-network', /swallows bytes/);
  await shows('#fault-blackhole', /\bdead\b/);
  expect(await text('#headline')).toBe('Connected');
  await shows('#node-page', /believes it is connected/);
  await shows('#detail', /Asked for a sign of life \d\.\d s ago: no answer yet\./, 4000);
  await reaches('connections', 2, 7000);
  expect(performance.now() - start).toBeLessThan(7000);
  await shows('#headline', 'Connected');
  await shows('#log', /interrupted \(dead-peer/);
  await shows('#node-network', /passes everything/);
  // The server has found out, too: the dead connection is off its books.
  await shows('#node-server', /\b1 connection$/, 8000);
});

test('Refuse: dials fail and wait longer, messages wait, and all is sent when the port is back', async () => {
  await visit();
  await page.click('#fault-refuse');
  await expect.poll(() => pressed('#fault-refuse')).toBe('true');
  expect(await text('#headline')).toBe('Connected'); // an open connection needs no port
  await page.click('#fault-cut');
  await shows('#headline', 'Connecting');
  await reaches('dials', 3);
  await shows('#detail', /^Attempt \d+, dialing in \d+\.\d s because the dial failed\.$/);
  await shows('#announcement', /^Connecting: attempt \d+, dialing (now|in \d+\.\d s), because the dial failed$/);
  await page.click('text="Send"');
  await shows('#note', '“hello 1” waits for a connection.');
  await shows('#figure-waiting', '7 B');

  await page.click('#fault-refuse');
  await expect.poll(() => pressed('#fault-refuse')).toBe('false');
  await page.click('#reconnect');
  await shows('#headline', 'Connected', 1500);
  await shows('#figure-waiting', '0 B');
  await shows('#note', 'The message that waited is sent.');
  await shows('#log', /message-received “hello 1”/);
});

test('Limit the age: each connection ends at that age and is replaced, until pressed again', async () => {
  await visit();
  await page.click('#fault-age');
  await expect.poll(() => pressed('#fault-age')).toBe('true');
  await shows('#node-network', /cuts at 8 s/);
  await reaches('connections', 2, 10_000);
  await shows('#headline', 'Connected');
  await page.click('#fault-age');
  await expect.poll(() => pressed('#fault-age')).toBe('false');
  await shows('#node-network', /passes everything/);
});

test('Restart: the server says why it goes, and is dialed until it is back', async () => {
  await visit();
  await page.click('#fault-restart');
  await shows('#node-server', /restarting/);
  await shows('#headline', 'Connecting');
  await shows('#log', /connection-close 1012/);
  await reaches('connections', 2, 8000);
  await shows('#headline', 'Connected');
  await shows('#node-server', /1 connection/);
});

test('Reconnect now replaces a healthy connection', async () => {
  await visit();
  await page.click('#reconnect');
  await reaches('connections', 2);
  await shows('#log', /you: reconnect\(\)/);
  await shows('#node-server', /\b1 connection$/);
});

test('Close is final until Connect begins a new life', async () => {
  await visit();
  await page.click('#switch');
  await shows('#headline', 'Closed');
  await shows('#detail', /because you asked for it.*“Connect” begins a new life/);
  await shows('#node-server', /0 connections/);
  await page.click('text="Send"');
  await shows('#note', /was not sent: CLOSED/);
  await shows('#switch', 'Connect');
  await page.click('#switch');
  await shows('#headline', 'Connected');
  await shows('#switch', 'Close');
  expect(await count('connections')).toBe(2);
});

test('without a heartbeat a silenced connection is believed in for ever, and the code says why', async () => {
  await visit();
  await page.click('#heartbeat');
  expect(await pressed('#heartbeat')).toBe('false');
  await shows('#code', /heartbeat: false,/);
  await reaches('connections', 2);
  await page.click('#fault-blackhole');
  await shows('#node-network', /swallows bytes/);
  await page.waitForTimeout(6500);
  expect(await text('#headline')).toBe('Connected');
  expect(await count('connections')).toBe(2);
  await page.click('#heartbeat');
  await reaches('connections', 3);
  await shows('#code', /interval: 3000,/);
});

test('the code and the steps can be copied', async () => {
  await visit({ permissions: ['clipboard-read', 'clipboard-write'] });
  const clipboard = (): Promise<string> => page.evaluate(() => navigator.clipboard.readText());
  await page.click('#copy-code');
  await shows('#copy-code', 'Copied');
  expect(await clipboard()).toContain("from 'longsocket'");
  await page.click('#copy-log');
  await shows('#copy-log', 'Copied');
  const steps = JSON.parse(await clipboard()) as { input: { type: string } }[];
  expect(steps.map(({ input }) => input.type)).toContain('connection-open');
});

test('everything works by keyboard alone, and shows where the focus is', async () => {
  await visit();
  const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.id ?? '');
  const tabTo = async (id: string): Promise<void> => {
    for (let steps = 0; (await focused()) !== id; steps += 1) {
      expect(steps, `Tab steps to #${id}`).toBeLessThan(40);
      await page.keyboard.press('Tab');
    }
    const outline = await page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement ?? document.body);
      return `${outlineStyle} ${outlineWidth}`;
    });
    expect(outline).toBe('solid 3px');
  };

  await tabTo('fault-cut');
  await page.keyboard.press('Enter');
  await reaches('connections', 2);
  await tabTo('fault-refuse');
  await page.keyboard.press('Space');
  await expect.poll(() => pressed('#fault-refuse')).toBe('true');
  await page.keyboard.press('Space');
  await expect.poll(() => pressed('#fault-refuse')).toBe('false');
  await tabTo('text');
  await page.keyboard.type('by hand'); // the field is selected, as a field is that one tabs into
  await page.keyboard.press('Enter');
  await shows('#note', '“by hand 1” was sent.');
  await tabTo('switch');
  await page.keyboard.press('Enter');
  await shows('#headline', 'Closed');
  expect(await focused()).toBe('switch');
  await page.keyboard.press('Enter');
  await shows('#headline', 'Connected');
});

test.each(['light', 'dark'] as const)('in the %s scheme every text is readable in every state', async (colorScheme) => {
  await visit({ colorScheme });
  expect(await unreadableTexts(page)).toEqual([]);
  const background = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const brightness = Math.max(...(background.match(/\d+/g) ?? []).map(Number));
  expect(brightness > 128 ? 'light' : 'dark').toBe(colorScheme);
  await expect.poll(() => pixels('--ok')).toBeGreaterThan(100); // the band of the state on the timeline

  await page.click('#auto');
  await reaches('received', 3);
  await page.click('#auto');
  await page.click('#fault-stall');
  await page.click('text="Send"');
  await page.waitForTimeout(2500);
  await page.click('#fault-refuse');
  await page.click('#fault-cut');
  await shows('#detail', /dialing in/);
  expect(await unreadableTexts(page)).toEqual([]);
  await page.screenshot({ path: `${shots}/${colorScheme}-refused.png`, fullPage: true });
  await page.click('#fault-refuse');
  await reaches('connections', 2, 8000);
  await page.click('#fault-blackhole');
  await shows('#detail', /no answer yet/);
  expect(await unreadableTexts(page)).toEqual([]);
  await page.screenshot({ path: `${shots}/${colorScheme}.png`, fullPage: true });
  await page.click('#switch');
  await shows('#headline', /Closing|Closed/);
  expect(await unreadableTexts(page)).toEqual([]);
});

test.each([360, 320, 768])(
  'at a width of %i px nothing scrolls sideways and every button is big enough',
  async (width) => {
    await visit({ viewport: { width, height: 780 }, hasTouch: true });
    await page.click('#fault-refuse');
    await page.click('#fault-cut');
    await shows('#detail', /dialing in/);
    const sizes = await page.evaluate(() => ({
      content: document.documentElement.scrollWidth,
      buttons: [...document.querySelectorAll('button')].map((button) => button.getBoundingClientRect()),
    }));
    expect(sizes.content).toBeLessThanOrEqual(width);
    for (const { left, right, height } of sizes.buttons) {
      expect(left).toBeGreaterThanOrEqual(0);
      expect(right).toBeLessThanOrEqual(width);
      expect(height).toBeGreaterThanOrEqual(32);
    }
    await page.screenshot({ path: `${shots}/phone-${width}.png`, fullPage: true });
    if (width > 560) return;
    // Wherever one presses a button, the verdicts are in sight.
    await page.locator('#fault-restart').scrollIntoViewIfNeeded();
    await page.evaluate(() => window.scrollBy(0, 300));
    const top = await page.evaluate(() => document.getElementById('score')?.getBoundingClientRect().top);
    expect(top).toBeGreaterThanOrEqual(0);
    expect(top).toBeLessThan(60);
  },
);
