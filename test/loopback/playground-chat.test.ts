/** The chat in the playground, whose people lose no line; and what every page of the playground owes to whoever comes to it. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { launchChromium } from '../helpers/chromium.js';
import { startPlayground } from '../helpers/playground.js';
import { unreadableTexts } from '../helpers/readability.js';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const shots = `${tmpdir()}/longsocket-playground`;
const axeScript = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'));

let vite: ChildProcess;
let address: string;
let browser: Browser;
/** What the pages threw, or wrote to the console as an error of their own. */
let troubles: string[] = [];

beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  [{ vite, address }, browser] = await Promise.all([startPlayground(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  vite?.kill();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await fault('refuse', { on: false });
  await fault('age', { ms: null });
  const found = troubles;
  troubles = [];
  expect(found).toEqual([]);
});

async function fault(name: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  await fetch(new URL(`/faults/${name}`, address), { method: 'POST', headers, body: JSON.stringify(body) });
}

async function visit(path: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => {
    // That a dial is refused is what the faults are for, and Chromium says so itself.
    if (message.type() === 'error' && !/WebSocket connection to/.test(message.text())) troubles.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).hostname !== '127.0.0.1') troubles.push(`external: ${request.url()}`);
  });
  await page.goto(new URL(path, address).href);
  return page;
}

const person = (page: Page, name: string): Locator => page.getByRole('article', { name, exact: true });

/** A page of the chat, with these people in it and connected. */
async function chat(names: readonly string[], options: BrowserContextOptions = {}): Promise<Page> {
  const page = await visit('chat.html', options);
  for (const name of names) await person(page, name).locator('[data-look="connected"]').waitFor();
  return page;
}

/** Resolves when somebody has been told so many lines. */
async function hears(who: Locator, lines: number): Promise<void> {
  const heard = async (): Promise<number> => Number.parseInt(await who.locator('.proof').innerText(), 10);
  await expect.poll(heard, { timeout: 20_000, interval: 50 }).toBeGreaterThanOrEqual(lines);
}

async function say(who: Locator, text: string): Promise<void> {
  await who.getByRole('textbox').fill(text);
  await who.getByRole('textbox').press('Enter');
}

const proof = /(\d+) lines?, 0 missing, 0 twice or out of order/;

test('people of two tabs talk through cuts, a black hole, a rotation and a deploy, and no line is lost', async () => {
  const one = await chat(['Ada', 'Ben']);
  const two = await chat(['Cleo', 'Dan']);
  const [ada, ben, cleo, dan] = [person(one, 'Ada'), person(one, 'Ben'), person(two, 'Cleo'), person(two, 'Dan')];
  const everybody = [ada, ben, cleo, dan];

  await say(ada, 'Is anybody there?');
  await dan.getByText('Is anybody there?').waitFor();
  await cleo.getByRole('textbox').pressSequentially('Yes');
  await ben.getByText('Cleo is typing…').waitFor();
  await cleo.getByRole('textbox').press('Enter');
  await ben.locator('.lines li', { hasText: 'Yes' }).waitFor();
  await expect.poll(() => ben.locator('.typing').innerText()).toBe('');

  await one.click('#fault-blackhole');
  await one.locator('#fault-blackhole', { hasText: 'dead' }).waitFor();
  await say(ada, 'Into the black hole');
  await ada.locator('[data-waiting]', { hasText: 'Into the black hole' }).waitFor();
  // The server finds out that they are away, and they find out that they are not connected.
  await cleo.getByText('Into the black hole').waitFor({ timeout: 20_000 });
  await expect.poll(() => ada.locator('[data-waiting]').count()).toBe(0);

  await one.click('#talk');
  await two.click('#talk');
  for (const [index, fault] of ['cut', 'rotate', 'drain', 'cut'].entries()) {
    await one.click(`#fault-${fault}`);
    await hears(ada, 8 + 8 * index);
  }
  await one.click('#talk');
  await two.click('#talk');
  for (const who of everybody)
    await expect.poll(() => who.locator('[data-waiting]').count(), { timeout: 20_000 }).toBe(0);
  await say(dan, 'That was all');
  for (const who of everybody) {
    await who.getByText('That was all').waitFor();
    expect(await who.locator('.proof').innerText()).toMatch(proof);
  }
  const lines = await Promise.all(everybody.map((who) => who.locator('.lines li').allInnerTexts()));
  const texts = lines.map((list) => list.map((line) => line.replace(/^(Ada|Ben|Cleo|Dan)\s+/, '')));
  // All the same lines, in the same order.
  for (const each of texts) expect(each.slice(-40)).toEqual(texts[0]?.slice(-40));

  await ben.getByRole('button', { name: 'Leave' }).click();
  await expect.poll(() => cleo.locator('.others li').allInnerTexts()).toEqual(['Ada', 'Dan']);
  // Who comes now sees what was said last.
  await two.click('#join');
  await person(two, 'Ben').getByText('That was all').waitFor();
  await one.context().close();
  await expect.poll(() => cleo.locator('.others li').allInnerTexts(), { timeout: 10_000 }).toEqual(['Dan', 'Ben']);
});

test('one who is away is shown as away, and the chat works by keyboard alone', async () => {
  const page = await chat(['Ada', 'Ben']);
  const tabTo = async (selector: string): Promise<void> => {
    for (let steps = 0; !(await page.evaluate((to) => document.activeElement?.matches(to), selector)); steps += 1) {
      expect(steps, `Tab steps to ${selector}`).toBeLessThan(40);
      await page.keyboard.press('Tab');
    }
  };
  await tabTo('[aria-label="What Ada says"]');
  await page.keyboard.type('By keyboard');
  await page.keyboard.press('Enter');
  await person(page, 'Ben').getByText('By keyboard').waitFor();
  await tabTo('#fault-refuse');
  await page.keyboard.press('Enter');
  await page.locator('#fault-refuse[aria-pressed="true"]').waitFor();
  await tabTo('#fault-cut');
  await page.keyboard.press('Space');
  await page.locator('.person-state', { hasText: 'Connecting' }).first().waitFor();
  await tabTo('#fault-refuse');
  await page.keyboard.press('Enter');
  await page.locator('[data-look="connected"]').nth(1).waitFor({ timeout: 20_000 });
});

/** What axe-core has to say against a page as it is now. */
async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.addScriptTag({ path: axeScript });
  const { violations, passes } = await page.evaluate(() => {
    const { axe } = window as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } };
    return axe.run({ resultTypes: ['violations'] });
  });
  expect(passes.length).toBeGreaterThan(20);
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 160)}`));
}

/** What a visitor, a reader of the screen and a search engine look for first. */
async function basics(page: Page): Promise<void> {
  expect(await page.title()).toMatch(/longsocket/);
  const found = await page.evaluate(() => ({
    lang: document.documentElement.lang,
    description: (document.querySelector<HTMLMetaElement>('meta[name=description]')?.content.length ?? 0) > 50,
    viewport: document.querySelector<HTMLMetaElement>('meta[name=viewport]')?.content,
    charset: document.characterSet,
    headings: document.querySelectorAll('h1').length,
    landmarks: ['header', 'nav', 'main'].map(
      (name) => document.querySelectorAll(`body > ${name}, header > ${name}`).length,
    ),
    sideways: document.documentElement.scrollWidth > innerWidth,
    small: [...document.querySelectorAll('button, select, input')]
      .filter((element) => element.getBoundingClientRect().height > 0 && element.getBoundingClientRect().height < 24)
      .map(({ id }) => id),
  }));
  expect(found).toEqual({
    lang: 'en',
    description: true,
    viewport: 'width=device-width, initial-scale=1',
    charset: 'UTF-8',
    headings: 1,
    landmarks: [1, 1, 1],
    sideways: false,
    small: [],
  });
}

test.each([
  { name: 'light', options: { colorScheme: 'light' } },
  { name: 'dark', options: { colorScheme: 'dark' } },
  { name: 'phone', options: { colorScheme: 'light', viewport: { width: 360, height: 780 }, hasTouch: true } },
] as const)('$name: axe finds nothing on any page, when all is well and when nothing is', async ({ name, options }) => {
  const main = await visit('', options);
  await main.locator('#session-state', { hasText: 'Connected' }).waitFor();
  await basics(main);
  expect(await violations(main)).toEqual([]);
  const people = await visit('chat.html', options);
  await people.locator('[data-look="connected"]').nth(1).waitFor();
  await say(people.locator('.person').first(), 'Hello');
  await people.locator('.lines li', { hasText: 'Hello' }).nth(1).waitFor();
  await basics(people);
  expect(await violations(people)).toEqual([]);

  // Everything at once: silence, then no connection, no way back, an age limit, and something on its way.
  await main.click('#watch-plain');
  await main.click('#fault-age');
  await main.click('#fault-stall');
  await main.click('#fault-refuse');
  await people.locator('#fault-refuse[aria-pressed="true"]').waitFor();
  await say(people.locator('.person').first(), 'On its way');
  await people.locator('[data-waiting]').waitFor();
  for (const page of [main, people]) expect(await violations(page)).toEqual([]);
  await main.click('#fault-cut');
  await main.locator('#plain-state', { hasText: 'Connecting' }).waitFor({ timeout: 20_000 });
  await people.locator('.person-state', { hasText: 'because' }).first().waitFor({ timeout: 20_000 });
  for (const page of [main, people]) {
    expect(await violations(page)).toEqual([]);
    expect(await unreadableTexts(page)).toEqual([]);
  }
  await people.screenshot({ path: `${shots}/chat-${name}-dead.png`, fullPage: true });
  await main.click('#fault-refuse');
  await main.click('#fault-age');
  await people.locator('[data-look="connected"]').nth(1).waitFor({ timeout: 20_000 });
  await expect.poll(() => people.locator('[data-waiting]').count()).toBe(0);
  await people.screenshot({ path: `${shots}/chat-${name}.png`, fullPage: true });

  await main.locator('#plain-state', { hasText: 'Connected' }).waitFor({ timeout: 20_000 });
  await main.click('#fault-blackhole');
  for (const page of [main, people]) {
    await page.locator('#fault-blackhole', { hasText: 'dead' }).waitFor();
    expect(await violations(page)).toEqual([]);
  }
});
