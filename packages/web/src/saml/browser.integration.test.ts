/** Signing in and out in a real browser: its own rules for cookies, redirects and form-action, under the server's policy. */
import { createSessionStore } from '@airlock/database/session-store';
import { startSignInStack, type SignInStack } from '@airlock/testkit/sign-in';
import { chromium as chromiumPackage, findBinary } from '@airlock/testkit/system-packages';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium, type Browser } from 'playwright-core';
import { startTestService, type TestService } from '../testing/service.ts';

const binary = findBinary(chromiumPackage);
const skip =
  binary === null && process.env['CI'] === undefined
    ? 'no chromium: apt-get install -y chromium'
    : false;

let stack: SignInStack;
let service: TestService;
let browser: Browser;

before(async () => {
  if (skip !== false) return;
  stack = await startSignInStack('gate');
  service = await startTestService({
    service: 'gate',
    port: stack.port,
    sessions: createSessionStore(stack.pool),
    saml: stack.saml,
  });
  browser = await chromium.launch({
    executablePath: binary ?? 'chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
});
after(async () => {
  if (skip !== false) return;
  await browser.close();
  await service.close();
  await stack.dispose();
});

test('a browser signs in, stays signed in, and signs out', { skip }, async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy|Set-Cookie/i.test(message.text())) complaints.push(message.text());
  });

  await page.goto(`${stack.origin}/releases?page=2`);
  assert.equal(new URL(page.url()).origin, stack.idp.url);
  await page.getByRole('button', { name: 'leo' }).click();
  await page.waitForURL(`${stack.origin}/releases?page=2`);
  assert.equal(await page.locator('body').innerText(), 'releases');
  const cookies = await context.cookies(stack.origin);
  assert.deepEqual(
    cookies.map(({ name, sameSite, httpOnly, secure }) => ({ name, sameSite, httpOnly, secure })),
    [{ name: '__Host-session', sameSite: 'Strict', httpOnly: true, secure: true }],
  );

  // Any page with the frame will do.
  await page.goto(`${stack.origin}/nowhere`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`${stack.origin}/auth/signed-out`);
  assert.match(await page.locator('main').innerText(), /You are signed out/);
  assert.deepEqual(await context.cookies(stack.origin), []);
  assert.deepEqual(complaints, []);
});
