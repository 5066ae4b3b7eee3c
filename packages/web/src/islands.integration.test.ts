/** The islands as built, in a real browser, under the policy that the server sends. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium as chromiumPackage, findBinary } from '@airlock/testkit/system-packages';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { h, type ComponentChild } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { loadAssets } from './assets.ts';
import { SectionHeading } from './views/card.tsx';
import { CheckList } from './views/check-list.tsx';
import { CodeBlock } from './views/code-block.tsx';
import { TextField } from './views/form.tsx';
import { Layout, type Frame } from './views/layout.tsx';
import { LogView, type LogLine } from './views/log-view.tsx';
import { PasskeyForm } from './views/passkey-form.tsx';
import { Time } from './views/time.tsx';

const binary = findBinary(chromiumPackage);
const skip =
  binary === null && process.env['CI'] === undefined
    ? 'no chromium: apt-get install -y chromium'
    : false;
const assetsDirectory = join(import.meta.dirname, '../../../dist/assets');
const policy =
  "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';form-action 'self';frame-ancestors 'none';base-uri 'none';require-trusted-types-for 'script'";
const base64url = (text: string): string => Buffer.from(text).toString('base64url');

let server: Server;
let browser: Browser;
let origin: string;
/** What the page's `fetch` sent, by path. */
const received = new Map<string, { body: unknown; csrf: string | undefined }>();
/** What the next request for options is answered with. */
let options: { status: number; body: unknown };
/** What a request for a passkey in force to vouch is answered with. */
let vouching: unknown;
const streams = new Map<string, ServerResponse>();
const streamUrls: string[] = [];

const form = (
  purpose: 'enrol' | 'enrol-key' | 'approve',
  children: ComponentChild[],
): ComponentChild =>
  h(PasskeyForm, {
    purpose,
    optionsUrl: '/options',
    finishUrl: '/finish',
    doneUrl: '/done',
    vouchUrl: '/vouch',
    csrfToken: 'token',
    promotionDigest: 'sha256:shown',
    children: [...children, h('button', { type: 'submit' }, 'Go')],
  });
const inTwoHours = (): Date => new Date(Date.now() + 7_230_000);
const pages: Readonly<Record<string, () => { live?: string; children: ComponentChild }>> = {
  '/enrol': () => ({ children: form('enrol', [h(TextField, { label: 'Name', name: 'label' })]) }),
  '/enrol-key': () => ({
    children: form('enrol-key', [h(TextField, { label: 'Public key', name: 'publicKey' })]),
  }),
  '/by-keys': () => ({
    children: [
      h('form', { role: 'search' }, h('input', { id: 'q' })),
      h(
        'ul',
        { class: 'items' },
        ['first', 'second'].map((name) =>
          h('li', {}, h('div', { class: 'item-title' }, h('a', { href: '/done' }, name))),
        ),
      ),
      h(SectionHeading, { keys: 'd', children: 'What changes' }),
      h(CheckList, {
        checks: ['one', 'two'].map((id) => ({
          ...({ id, status: 'pass', title: id, summary: id, children: id } as const),
        })),
      }),
      h(
        'div',
        { 'data-keys': 'a', 'data-keys-do': 'first' },
        form('approve', [h(TextField, { label: 'Note', name: 'note' })]),
      ),
      h('a', { href: '/enrol', 'data-keys': 'g x' }, 'Elsewhere'),
    ],
  }),
  '/times': () => ({
    children: [
      h('p', { id: 'then' }, h(Time, { at: new Date('2020-07-01T23:05:00Z'), now: new Date() })),
      h('p', { id: 'soon' }, h(Time, { at: inTwoHours(), now: new Date() })),
      h(
        'p',
        { id: 'kept' },
        h(Time, { at: new Date('2020-07-01T23:05:00Z'), now: new Date(), utc: true }),
      ),
    ],
  }),
  '/approve': () => ({
    live: '/events',
    children: form('approve', [
      h('p', { id: 'now' }, '1 of 2'),
      h(CodeBlock, { label: 'Statement', slot: 'statement', children: 'old' }),
      h(TextField, { label: 'Note', name: 'note' }),
    ]),
  }),
  '/log': () => ({
    children: h(LogView, {
      label: 'Log',
      empty: 'No output yet.',
      streamUrl: '/lines',
      lines: [{ n: 1, spans: [{ text: 'first', classes: [] }] }],
    }),
  }),
  '/done': () => ({ children: h('p', {}, 'done') }),
};

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').replace(/\?.*/, '');
  if (path.startsWith('/assets/')) {
    const type = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };
    const extension = path.slice(path.lastIndexOf('.') + 1);
    if (extension in type) {
      response.setHeader('content-type', type[extension as keyof typeof type]);
    }
    response.end(readFileSync(join(assetsDirectory, path.slice('/assets/'.length))));
    return;
  }
  if (path === '/events' || path === '/lines') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 100\n\n');
    streams.set(path, response);
    streamUrls.push(request.url ?? '');
    return;
  }
  if (request.method === 'POST') {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const csrf = request.headers['x-csrf-token'];
    received.set(path, {
      body: JSON.parse(Buffer.concat(chunks).toString()),
      csrf: typeof csrf === 'string' ? csrf : undefined,
    });
    if (path === '/vouch') response.writeHead(200).end(JSON.stringify(vouching));
    else if (path === '/options')
      response.writeHead(options.status).end(JSON.stringify(options.body));
    else response.writeHead(201).end();
    return;
  }
  // As long as a page takes that asks much.
  if (path === '/slow') await delay(1_500);
  const page = pages[path === '/slow' ? '/done' : path];
  if (page === undefined) {
    response.writeHead(404).end();
    return;
  }
  const frame: Frame = {
    service: 'gate',
    viewer: {
      ...{ id: 'mira', name: 'Mira', nameId: 'mira@idp.example', idp: 'https://idp.example' },
      ...{ groups: [], roles: [] },
    },
    csrfToken: 'token',
    path,
    nav: [{ href: '/done', label: 'Done', keys: '!' }],
    assets: loadAssets(assetsDirectory),
    version: 'test',
    footer: [],
  };
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.setHeader('content-security-policy', policy);
  const view = h(Layout, { frame, title: path, scripts: ['passkey.js', 'log.js'], ...page() });
  response.end(`<!doctype html>${renderToString(view)}`);
}

const send = (path: string, event: string, data: unknown): void => {
  streams.get(path)?.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
};

before(async () => {
  if (skip !== false) return;
  server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A host name, since a bare address can be no relying party.
  origin = `http://gate.localhost:${(server.address() as AddressInfo).port}`;
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

/** A page with an authenticator, on which any breach of the policy is an error. */
async function open(
  path: string,
  given: BrowserContextOptions = {},
): Promise<{ page: Page; breaches: string[] }> {
  const context = await browser.newContext(given);
  const page = await context.newPage();
  const breaches: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy|Trusted/.test(message.text())) breaches.push(message.text());
  });
  page.on('pageerror', (error) => breaches.push(String(error)));
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    },
  });
  await page.goto(origin + path);
  return { page, breaches };
}

const creation = {
  rp: { id: 'gate.localhost', name: 'gate' },
  user: { id: base64url('mira'), name: 'mira', displayName: 'mira' },
  challenge: base64url('challenge'),
  pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
};
const request = { challenge: base64url('c'), rpId: 'gate.localhost', userVerification: 'required' };
const ceremony = { options: request, nonce: 'n', statement: 'S', promotionDigest: 'sha256:shown' };

test(
  'a passkey is enrolled and then approves, with token, note and nonce handed in',
  { skip },
  async () => {
    const { page, breaches } = await open('/enrol');
    options = { status: 200, body: { options: creation, challenge: 'ch' } };
    await page.fill('#label', 'laptop');
    await page.click('form button:text("Go")');
    await page.waitForURL('**/done');
    assert.deepEqual(received.get('/options'), { body: {}, csrf: 'token' });
    const enrolled = received.get('/finish')?.body as Record<string, unknown> & {
      answer: { id: string };
    };
    assert.deepEqual(Object.keys(enrolled), ['challenge', 'label', 'answer']);
    assert.equal(enrolled['label'], 'laptop');

    await page.goto(`${origin}/approve`);
    const allowed = {
      ...request,
      allowCredentials: [{ id: enrolled.answer.id, type: 'public-key' }],
    };
    options = { status: 200, body: { ...ceremony, options: allowed } };
    await page.fill('#note', 'looked at it');
    await page.click('form button:text("Go")');
    await page.waitForURL('**/done');
    const approved = received.get('/finish')?.body as Record<string, unknown>;
    assert.deepEqual(Object.keys(approved), ['nonce', 'note', 'answer']);
    assert.equal(approved['note'], 'looked at it');
    assert.deepEqual(breaches, []);
    await page.context().close();
  },
);

test(
  'a passkey that is there already vouches for a new one, and for a key of the form, where the server asks for it',
  { skip },
  async () => {
    const { page, breaches } = await open('/enrol');
    options = { status: 200, body: { options: creation, challenge: 'ch', needsVouch: false } };
    await page.fill('#label', 'first');
    await page.click('form button:text("Go")');
    await page.waitForURL('**/done');
    const id = (body: unknown): string => (body as { answer: { id: string } }).answer.id;
    const first = id(received.get('/finish')?.body);
    assert.equal(received.has('/vouch'), false);

    const allowCredentials = [{ id: first, type: 'public-key' }];
    vouching = { options: { ...request, allowCredentials }, nonce: 'v' };
    options = { status: 200, body: { options: creation, challenge: 'ch2', needsVouch: true } };
    await page.goto(`${origin}/enrol`);
    await page.fill('#label', 'second');
    await page.click('form button:text("Go")');
    await page.waitForURL('**/done');
    const second = received.get('/finish')?.body as { answer: unknown; vouch: { nonce: string } };
    assert.deepEqual(received.get('/vouch')?.body, { challenge: 'ch2', answer: second.answer });
    assert.deepEqual([second.vouch.nonce, id(second.vouch)], ['v', first]);
    assert.notEqual(id(second), first);

    options = { status: 200, body: vouching };
    await page.goto(`${origin}/enrol-key`);
    await page.fill('#publicKey', 'sk-ssh');
    await page.click('form button:text("Go")');
    await page.waitForURL('**/done');
    assert.deepEqual(received.get('/options')?.body, { publicKey: 'sk-ssh' });
    const key = received.get('/finish')?.body as { publicKey: string; vouch: { nonce: string } };
    assert.deepEqual([key.publicKey, key.vouch.nonce, id(key.vouch)], ['sk-ssh', 'v', first]);
    assert.deepEqual(breaches, []);
    await page.context().close();
  },
);

test(
  'nothing is signed when the promotion is no longer the one on the page',
  { skip },
  async () => {
    const { page } = await open('/approve');
    received.clear();
    options = { status: 200, body: { ...ceremony, promotionDigest: 'sha256:other' } };
    await page.click('form button:text("Go")');
    await page.getByText('It changed while you were reading').waitFor();
    assert.equal(received.has('/finish'), false);
    assert.equal(await page.textContent('[data-statement]'), 'old');
    await page.context().close();
  },
);

test(
  'a refusal of the server is shown in its own words, and the button works again',
  { skip },
  async () => {
    const { page } = await open('/approve');
    options = {
      status: 403,
      body: { title: 'No', detail: 'You asked for it; somebody else decides.' },
    };
    await page.click('form button:text("Go")');
    await page.getByText('You asked for it; somebody else decides.').waitFor();
    assert.equal(await page.isEnabled('form button:text("Go")'), true);
    await page.context().close();
  },
);

test(
  'a change loads the page again, but never under the hands of somebody who writes',
  { skip },
  async () => {
    const { page, breaches } = await open('/approve');
    await page.fill('#note', 'half a sen');
    send('/events', 'text', { target: 'now', text: '2 of 2 <b>' });
    await page.getByText('2 of 2 <b>').waitFor();
    send('/events', 'change', {});
    await page.getByText('Something changed.').waitFor();
    assert.equal(await page.inputValue('#note'), 'half a sen');
    await page.fill('#note', '');
    await page.locator('#note').blur();
    const again = page.waitForEvent('load');
    send('/events', 'change', {});
    await again;
    assert.deepEqual(breaches, []);
    await page.context().close();
  },
);

test(
  'who has followed a link is not taken back by a change that comes meanwhile',
  { skip },
  async () => {
    streams.delete('/events');
    const { page, breaches } = await open('/approve');
    while (!streams.has('/events')) await delay(10);
    await page.evaluate("location.href = '/slow'");
    send('/events', 'change', {});
    await page.waitForURL('**/slow');
    await page.getByText('done', { exact: true }).waitFor();
    assert.deepEqual(breaches, []);
    await page.context().close();
  },
);

test('a key opens its page from anywhere but a field', { skip }, async () => {
  const { page, breaches } = await open('/approve');
  await page.locator('#note').press('!');
  assert.equal(await page.inputValue('#note'), '!');
  await page.locator('#note').blur();
  await page.keyboard.press('Control+!');
  await page.keyboard.press('?');
  assert.equal(new URL(page.url()).pathname, '/approve');
  await page.keyboard.press('!');
  await page.waitForURL('**/done');
  assert.deepEqual(breaches, []);
  await page.context().close();
});

test(
  'keys go where the page says: fields, headings, details and rows, and two keys one after the other; nothing is sent',
  { skip },
  async () => {
    received.clear();
    const { page, breaches } = await open('/by-keys');
    const focused = (): Promise<string> => page.evaluate('document.activeElement.textContent');
    await page.keyboard.press('j');
    assert.equal(await focused(), 'first');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    assert.equal(await focused(), 'second');
    await page.keyboard.press('k');
    assert.equal(await focused(), 'first');
    await page.keyboard.press('d');
    assert.equal(await focused(), 'What changes');
    await page.keyboard.press('o');
    assert.equal(await page.locator('details[open]').count(), 2);
    await page.keyboard.press('o');
    assert.equal(await page.locator('details[open]').count(), 0);
    await page.keyboard.press('a');
    assert.equal(await page.evaluate('document.activeElement.id'), 'note');
    await page.locator('#note').blur();
    await page.keyboard.press('/');
    assert.equal(await page.evaluate('document.activeElement.id'), 'q');
    await page.locator('#q').press('d');
    assert.equal(await page.inputValue('#q'), 'd');
    await page.locator('#q').blur();

    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys of this page' });
    assert.match(await help.innerText(), /g x\s+Elsewhere/);
    await help.getByLabel('Use them in this browser').uncheck();
    await help.getByRole('button', { name: 'Close' }).click();
    await page.keyboard.press('d');
    assert.notEqual(await focused(), 'What changes');
    await page.getByRole('button', { name: 'Keys' }).click();
    await help.getByLabel('Use them in this browser').check();
    await help.getByRole('button', { name: 'Close' }).click();
    await page.keyboard.press('x');
    assert.equal(new URL(page.url()).pathname, '/by-keys');
    await page.keyboard.press('g');
    await page.keyboard.press('x');
    await page.waitForURL('**/enrol');
    assert.deepEqual([breaches, [...received]], [[], []]);
    await page.context().close();
  },
);

test(
  'u turns the times of the page to those of this browser and back, on the next page too; the ledger’s stay',
  { skip },
  async () => {
    const { page, breaches } = await open('/times', { timezoneId: 'Asia/Kolkata' });
    const read = async (): Promise<(string | null)[]> =>
      Promise.all(
        ['#then', '#kept', '#times-note', '#times-button'].map((id) => page.textContent(id)),
      );
    const utc = ['Jul 1, 2020, 23:05 UTC', 'Jul 1, 2020, 23:05 UTC'];
    const asTheyCame = [...utc, 'All times are UTC.', 'Times of Asia/Calcutta'];
    assert.deepEqual(await read(), asTheyCame);
    await page.keyboard.press('u');
    const here = [
      ...['Jul 2, 2020, 04:35 GMT+5:30', 'Jul 1, 2020, 23:05 UTC'],
      ...['Times are those of Asia/Calcutta, but UTC where they say so.', 'Times in UTC'],
    ];
    assert.deepEqual(await read(), here);
    assert.match(
      (await page.textContent('#soon')) ?? '',
      /^\w+ \d+, \d\d:\d\d GMT\+5:30 \(in 2 hours\)$/,
    );
    await page.reload();
    assert.deepEqual(await read(), here);
    await page.getByRole('button', { name: 'Times in UTC' }).click();
    assert.deepEqual(await read(), asTheyCame);
    assert.deepEqual(breaches, []);
    await page.context().close();
  },
);

test('where the browser is in UTC there is nothing to turn', { skip }, async () => {
  const { page } = await open('/times', { timezoneId: 'UTC' });
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keys of this page' });
  assert.doesNotMatch(await help.innerText(), /Times/);
  assert.equal(await page.locator('#times-button').isVisible(), false);
  await page.context().close();
});

test(
  'y copies the address of the page and says so, or shows it where it may not',
  { skip },
  async () => {
    const permissions = ['clipboard-read', 'clipboard-write'];
    const { page, breaches } = await open('/times?of=this', { permissions });
    await page.keyboard.press('y');
    const said = page.locator('#keys-status');
    await said.getByText(`Copied: ${origin}/times?of=this`).waitFor();
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), `${origin}/times?of=this`);
    // What a browser without a clipboard answers, and one whose owner refuses it.
    await page.evaluate('navigator.clipboard.writeText = () => Promise.reject(new Error())');
    await page.keyboard.press('y');
    await said.getByText(`The address is ${origin}/times?of=this`).waitFor();
    assert.deepEqual(breaches, []);
    await page.context().close();
  },
);

test('log lines arrive once, as text, and the oldest give way', { skip }, async () => {
  const { page, breaches } = await open('/log');
  await page.getByText('Live.').waitFor();
  assert.equal(streamUrls.at(-1), '/lines?after=1');
  const line = (n: number, text: string): LogLine => ({
    n,
    spans: [{ text, classes: ['ansi-red'] }],
  });
  send('/lines', 'lines', [line(1, 'again'), line(2, '<b>bold</b>')]);
  await page.waitForSelector('#L2');
  assert.equal(await page.textContent('#L1 > span'), 'first');
  assert.equal(await page.textContent('#L2 > span'), '<b>bold</b>');
  send(
    '/lines',
    'lines',
    Array.from({ length: 6_000 }, (_, index) => line(index + 3, 'x')),
  );
  await page.waitForSelector('#L6002');
  assert.equal(await page.locator('ol[data-log] li').count(), 5_000);
  const following = (): Promise<string | null> =>
    page.locator('[data-log-follow]').getAttribute('aria-pressed');
  assert.equal(await following(), 'true');
  await page.keyboard.press('f');
  assert.equal(await following(), 'false');
  send('/lines', 'end', {});
  await page.getByText('Ended after 6002 lines.').waitFor();
  assert.deepEqual(breaches, []);
  await page.context().close();
});
