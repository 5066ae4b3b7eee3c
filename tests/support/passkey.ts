import type { Pair } from '@airlock/demo/pair';
import type { Browser } from 'playwright-core';
import { addAuthenticator, openPage, signInAs } from './chromium.ts';

/** Somebody signed in at the gate, with a passkey that they have just enrolled there. */
export async function withPasskey(browser: Browser, pair: Pair, person: string) {
  const opened = await openPage(browser, { scheme: 'light', width: 1280 });
  await addAuthenticator(opened.context, opened.page);
  const { page } = opened;
  const label = `${person} of a test`;
  await signInAs(page, `${pair.gateOrigin}/me`, person);
  await page.locator('form[data-passkey="enrol"] input[name="label"]').fill(label);
  await page.locator('form[data-passkey="enrol"] button[type="submit"]').click();
  await page.getByText(label).first().waitFor({ timeout: 30_000 });
  return opened;
}
