/** The window on a log as built, in a real browser, under the policy that the server sends: a million lines. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium as chromiumPackage, findBinary } from '@airlock/testkit/system-packages';
import { chromium, type Browser, type Page } from 'playwright-core';
import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { loadAssets } from './assets.ts';
import { Layout, type Frame } from './views/layout.tsx';
import { LogWindow, type ShownLine } from './views/log-window.tsx';

const binary = findBinary(chromiumPackage);
const skip =
  binary === null && process.env['CI'] === undefined
    ? 'no chromium: apt-get install -y chromium'
    : false;
const assetsDirectory = join(import.meta.dirname, '../../../dist/assets');
const policy =
  "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';form-action 'self';frame-ancestors 'none';base-uri 'none';require-trusted-types-for 'script'";
const total = 1_000_000;
const failure = 700_000;

let server: Server;
let browser: Browser;
let origin: string;
let stream: ServerResponse | null = null;

const line = (n: number): ShownLine => ({
  n,
  spans: [
    { text: `line ${n} `, classes: [] },
    { text: n === failure ? 'error: <b>broken</b>' : 'compiled', classes: ['ansi-red'] },
  ],
  at: '2026-11-22T10:00:00.000Z',
  ...(n === 3 ? { updates: 412 } : {}),
});
const lines = (from: number, count: number): ShownLine[] =>
  Array.from({ length: Math.max(0, Math.min(count, total - from + 1)) }, (_, at) =>
    line(from + at),
  );

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', origin);
  if (url.pathname.startsWith('/assets/')) {
    const type = url.pathname.endsWith('.css') ? 'text/css' : 'text/javascript';
    response.setHeader('content-type', url.pathname.endsWith('.svg') ? 'image/svg+xml' : type);
    response.end(readFileSync(join(assetsDirectory, url.pathname.slice('/assets/'.length))));
  } else if (url.pathname === '/lines') {
    const [from, count] = ['from', 'count'].map((name) => Number(url.searchParams.get(name)));
    const now = url.searchParams.get('job') === 'live' ? 100 : total;
    response.end(JSON.stringify({ total: now, lines: lines(from ?? 1, count ?? 0) }));
  } else if (url.pathname === '/search') {
    response.end(JSON.stringify({ lines: [failure, 900_000], continueAt: null }));
  } else if (url.pathname === '/stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 100\n\n');
    stream = response;
  } else if (url.pathname === '/ended' || url.pathname === '/live') {
    const isLive = url.pathname === '/live';
    const shown = isLive ? 100 : total;
    const frame: Frame = {
      ...{ service: 'nonprod', csrfToken: 'token', path: url.pathname },
      viewer: {
        ...{ id: 'dana', name: 'Dana', nameId: 'dana@idp.example', idp: 'https://idp.example' },
        ...{ groups: [], roles: [] },
      },
      nav: [{ href: '/ended', label: 'Runs', keys: 'g r' }],
      ...{ assets: loadAssets(assetsDirectory), version: 'test', footer: [] },
    };
    const children = h(LogWindow, {
      ...{ label: 'Log', empty: 'No output yet.', total: shown, failure: isLive ? null : failure },
      ...{
        linesUrl: `/lines?job=${isLive ? 'live' : 1}`,
        searchUrl: '/search?job=1',
        wholeUrl: '/log.txt',
      },
      ...{ pageUrl: '/ended?job=1', ...(isLive ? { streamUrl: '/stream?job=1' } : {}) },
      lines: isLive ? lines(1, 100) : lines(failure - 6, 300),
    });
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('content-security-policy', policy);
    const view = h(Layout, { frame, title: 'Log', scripts: ['log-window.js'], children });
    response.end(`<!doctype html>${renderToString(view)}`);
  } else response.writeHead(404).end();
}

before(async () => {
  if (skip !== false) return;
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await chromium.launch({
    ...(binary === null ? {} : { executablePath: binary }),
    args: ['--no-sandbox'],
  });
});
after(async () => {
  if (skip !== false) return;
  await browser.close();
  server.closeAllConnections();
  server.close();
});

async function open(
  path: string,
  more: { width?: number; colorScheme?: 'light' | 'dark'; javaScriptEnabled?: boolean } = {},
): Promise<{ page: Page; breaches: string[] }> {
  const { width = 1280, ...options } = more;
  const page = await browser.newPage({ viewport: { width, height: 900 }, ...options });
  const breaches: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy|Trusted/.test(message.text())) breaches.push(message.text());
  });
  page.on('pageerror', (error) => breaches.push(String(error)));
  await page.goto(origin + path);
  return { page, breaches };
}

const isInView = (page: Page, n: number): Promise<boolean> =>
  page.evaluate((id) => {
    const box = document.querySelector('.log')?.getBoundingClientRect();
    const row = document.getElementById(id)?.getBoundingClientRect();
    if (box === undefined || row === undefined) return false;
    return row.top >= box.top - 1 && row.bottom <= box.bottom + 1;
  }, `L${n}`);

test(
  'any of a million lines is reached by its link, with few nodes in the page',
  { skip },
  async () => {
    const { page, breaches } = await open('/ended#L999990-L999995');
    await page.getByText('line 999995').waitFor();
    assert.ok(await isInView(page, 999_992));
    assert.equal(await page.locator('.is-linked').count(), 6);
    for (const n of [1, 500_000, 3, 999_999]) {
      await page.evaluate((hash) => (location.hash = hash), `#L${n}`);
      await page.locator(`#L${n}`, { hasText: `line ${n}` }).waitFor();
      assert.ok(await isInView(page, n), `line ${n}`);
    }
    await page.getByText('×412 updates').waitFor({ state: 'detached' });
    assert.ok((await page.evaluate(() => document.querySelectorAll('*').length)) < 500);
    assert.deepEqual(breaches, []);
    await page.close();
  },
);

test(
  'the page of a failed step opens at its first failing line, whose text stays text',
  { skip },
  async () => {
    const { page, breaches } = await open('/ended');
    await page.locator('.is-failure', { hasText: 'error: <b>broken</b>' }).waitFor();
    assert.ok(await isInView(page, failure));
    await page.locator('.log').press('G');
    await page.locator(`#L${total}`, { hasText: `line ${total}` }).waitFor();
    assert.ok(await isInView(page, total));
    await page.locator('.log').press('e');
    await page.locator('.is-failure').waitFor();
    assert.ok(await isInView(page, failure));
    const pictures = process.env['AIRLOCK_SCREENSHOTS'];
    if (pictures !== undefined) {
      mkdirSync(pictures, { recursive: true });
      for (const width of [1280, 390]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          const shown = await open('/ended', { width, colorScheme });
          await shown.page.locator('.is-failure').waitFor();
          await shown.page.screenshot({ path: join(pictures, `log-${colorScheme}-${width}.png`) });
          await shown.page.close();
        }
      }
    }
    assert.deepEqual(breaches, []);
    await page.close();
  },
);

test(
  'search goes from match to match and marks them; times and wrapping are switched',
  { skip },
  async () => {
    const { page, breaches } = await open('/ended');
    await page.fill('[data-log-search] input', 'ERROR');
    await page.press('[data-log-search] input', 'Enter');
    await page.getByText('Match 1 of 2').waitFor();
    await page.locator('.is-match mark', { hasText: 'error' }).waitFor();
    await page.locator('.log').press('n');
    await page.getByText('Match 2 of 2').waitFor();
    assert.ok(await isInView(page, 900_000));
    await page.locator('.log').press('t');
    await page.getByText('10:00:00.000Z').first().waitFor();
    await page.locator('.log').press('w');
    assert.equal(await page.getAttribute('[data-log-wrap]', 'aria-pressed'), 'true');
    assert.deepEqual(breaches, []);
    await page.close();
  },
);

test(
  'its keys are listed with the page’s, go through the lines while they are held, and can be switched off',
  { skip },
  async () => {
    const { page, breaches } = await open('/ended#L5');
    await page.locator('#L5.is-linked').waitFor();
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys of this page' });
    const listed = await help.innerText();
    for (const words of [/g g\s+Beginning of the log/, /e\s+First failing line/, /g r\s+Runs/]) {
      assert.match(listed, words);
    }
    assert.doesNotMatch(listed, /Follow the log/);
    assert.equal(listed.match(/^\/$/gm)?.length, 1, 'the keys of the log take the place of others');
    await help.getByRole('button', { name: 'Close' }).click();
    await page.keyboard.down('j');
    await page.keyboard.down('j');
    await page.keyboard.up('j');
    await page.locator('#L7.is-linked').waitFor();
    await page.keyboard.press('G');
    await page.locator(`#L${total}`).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('g');
    await page.locator('#L1').waitFor();
    await page.evaluate("localStorage.setItem('single-keys', 'off')");
    await page.keyboard.press('j');
    await page.keyboard.press('G');
    assert.equal(new URL(page.url()).hash, '#L7');
    assert.ok(await isInView(page, 1));
    await page.evaluate("localStorage.setItem('single-keys', 'on')");
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.waitForURL((now) => now.hash === '');
    assert.deepEqual(breaches, []);
    await page.close();
  },
);

test(
  'a log that grows is followed until somebody scrolls up, and says when it has ended',
  { skip },
  async () => {
    const { page, breaches } = await open('/live');
    await page.getByText('· live').waitFor();
    const send = (event: string, data: unknown): void => {
      stream?.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    send('lines', { total: 150, lines: lines(101, 50) });
    await page.locator('#L150').waitFor();
    assert.ok(await isInView(page, 150));
    await page.locator('.log').hover();
    await page.mouse.wheel(0, -1000);
    await page.locator('[data-log-follow][aria-pressed=false]').waitFor();
    send('lines', { total: 5_000, lines: lines(4_900, 101) });
    await page.getByText('of 5000').waitFor();
    assert.ok(!(await isInView(page, 5_000)));
    await page.locator('.log').press('f');
    await page.locator('#L5000').waitFor();
    send('end', {});
    await page.locator('[data-log-follow]').waitFor({ state: 'hidden' });
    assert.deepEqual(breaches, []);
    await page.close();
  },
);

test(
  'without scripts there are the lines around the failure, and links to those before and behind',
  { skip },
  async () => {
    const { page } = await open('/ended#first-failure', { javaScriptEnabled: false });
    assert.equal(await page.locator('.log li').count(), 300);
    assert.equal(
      await page.getAttribute('text=Earlier lines', 'href'),
      `/ended?job=1&from=${failure - 306}#log`,
    );
    assert.equal(
      await page.getAttribute('text=Later lines', 'href'),
      `/ended?job=1&from=${failure + 294}#log`,
    );
    await page.close();
  },
);
