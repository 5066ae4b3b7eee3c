/** Debian's Chromium with the virtual authenticator, watched for anything that the page policy refuses. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  chromium as chromiumPackage,
  findBinary,
  installCommand,
} from '@airlock/testkit/system-packages';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const binary = findBinary(chromiumPackage);

/** False, or why browser tests are skipped; under CI a missing browser fails instead. */
export const withoutChromium: string | false =
  binary === null && process.env['CI'] === undefined
    ? `chromium is missing: ${installCommand(chromiumPackage)}`
    : false;

export interface WatchedPage {
  readonly page: Page;
  /** Console errors so far: a violation of the page policy is one. */
  readonly complaints: readonly string[];
}

export async function launchChromium(): Promise<Browser> {
  if (binary === null) throw new Error(`chromium is missing: ${installCommand(chromiumPackage)}`);
  return chromium.launch({
    executablePath: binary,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export async function openPage(
  browser: Browser,
  look: {
    readonly scheme: 'light' | 'dark';
    readonly width: number;
    /** Such as Europe/Berlin; default that of this machine. */
    readonly timezoneId?: string;
  },
): Promise<WatchedPage & { readonly context: BrowserContext }> {
  const context = await browser.newContext({
    colorScheme: look.scheme,
    ...(look.timezoneId === undefined ? {} : { timezoneId: look.timezoneId }),
    viewport: { width: look.width, height: 900 },
  });
  const page = await context.newPage();
  const goTo = page.goto.bind(page);
  // A live page may be loading itself again just then, which Playwright takes for the failure of what it was asked for.
  page.goto = (url, options) =>
    goTo(url, options).catch((error: unknown) => {
      if (!String(error).includes(`interrupted by another navigation to "${url}"`)) throw error;
      return goTo(url, options);
    });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  return { context, page, complaints };
}

/** Gives the page a platform authenticator that verifies its user and answers without a touch. */
export async function addAuthenticator(context: BrowserContext, page: Page): Promise<void> {
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}

/** Opens an address as a person does who is not signed in: to the sign-in server, pick a name, and back. */
export async function signInAs(page: Page, url: string, person: string): Promise<void> {
  await page.goto(url);
  await page.click(`button[value="${person}"]`);
  const { origin, pathname } = new URL(url);
  await page.waitForURL((now) => now.origin === origin && now.pathname === pathname);
}

/** On the page where an administrator of nonprod says what for; `returnTo` is the path that the page is at then. */
export async function becomeAdministrator(page: Page, returnTo: string): Promise<void> {
  const address = `/me/administrator?returnTo=${encodeURIComponent(returnTo)}`;
  await page.goto(new URL(address, page.url()).href);
  await page.fill('#reason', 'what this test is about');
  await page.click('main button:has-text("Become administrator")');
  await page.waitForURL((now) => now.pathname === returnTo);
}

/** How far the page can be scrolled sideways, in pixels; 0 is right at every width. */
export const sidewaysScroll = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - window.innerWidth');

/** How long a page may take to show what it waits for, on a machine that does much beside. */
export const patience = { timeout: 30_000 };

/** Where screenshots go when somebody wants to look: AIRLOCK_SCREENSHOTS=directory. */
const pictures = process.env['AIRLOCK_SCREENSHOTS'];

/** Keeps what the whole page looks like, where somebody asked for screenshots. */
export async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

/** Signs in at the gate and enrols a passkey of that name there, on an authenticator of the page's own. */
export async function signInWithPasskey(
  { context, page }: { readonly context: BrowserContext; readonly page: Page },
  gateOrigin: string,
  { person, label }: { readonly person: string; readonly label: string },
): Promise<void> {
  await addAuthenticator(context, page);
  await signInAs(page, `${gateOrigin}/me`, person);
  // Tests share a pair: one of that label may stand there from before, and would be taken for this one.
  const own = `${label} ${randomBytes(3).toString('hex')}`;
  await page.locator('form[data-passkey="enrol"] input[name="label"]').fill(own);
  await page.locator('form[data-passkey="enrol"] button[type="submit"]').click();
  await page.getByText(own).first().waitFor(patience);
}
