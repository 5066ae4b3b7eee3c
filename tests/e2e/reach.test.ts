import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import {
  becomeAdministrator,
  launchChromium,
  openPage,
  picture,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { runningPair } from '../support/pair.ts';

let browser: Browser;
before(async () => {
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

test(
  'what a pipeline can reach stands on one page, which follows the filters of a secret',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, `${pair.nonprodOrigin}/secrets`, 'oke');
    await becomeAdministrator(page, '/secrets');
    const value = 'of-the-reach-page-alone';
    await page.fill('#name', 'REACH_TOKEN');
    await page.fill('#value', value);
    await page.check('#lowValue');
    await page.click('button:has-text("Set")');
    await page.waitForURL('**/secrets/REACH_TOKEN');

    // A new secret is for pools of trust 2 and above, and the pair's one pool has trust 0.
    const row = (words: RegExp) => page.getByRole('row').filter({ hasText: words });
    const main = row(/^Main branch, main\s*push/);
    await page.goto(`${pair.nonprodOrigin}/reach/shop/shop-api`);
    assert.doesNotMatch(await main.innerText(), /REACH_TOKEN/);
    await page.goto(`${pair.nonprodOrigin}/secrets/REACH_TOKEN`);
    await page.selectOption('#leastTrust', '0');
    await page.fill('#labels', 'team=web');
    await page.click('button:has-text("Save")');
    await page.getByText('its own, and those with team=web').waitFor();
    assert.equal(await sidewaysScroll(page), 0);
    await picture(page, 'secret-labels-1280-light');

    await page.goto(`${pair.nonprodOrigin}/repos/shop/shop-api`);
    await page.getByText('what its pipeline can reach').click();
    await page.getByRole('heading', { name: 'What this pipeline can reach' }).waitFor();
    assert.match(await main.innerText(), /REACH_TOKEN/);
    assert.match(await main.innerText(), /may be asked to be promoted/);
    const hosts =
      pair.isolation === 'none'
        ? /whatever its machines reach/
        : /nothing outside, as its runners say/;
    assert.match(await row(/^default/).innerText(), hosts);
    const strangers = await row(/of a stranger/).innerText();
    assert.match(strangers, /by the base branch’s files/);
    assert.doesNotMatch(strangers, /REACH_TOKEN|by the key/);
    assert.doesNotMatch(String(await row(/^Any other branch/).allInnerTexts()), /REACH_TOKEN/);
    assert.ok(!(await page.content()).includes(value));
    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['light', 390],
      ['dark', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 900 });
      assert.equal(await sidewaysScroll(page), 0, `${width}`);
      await picture(page, `reach-${width}-${scheme}`);
    }

    await page.goto(`${pair.nonprodOrigin}/secrets/REACH_TOKEN`);
    await page.uncheck('#event_push');
    await page.check('#event_cron');
    await page.click('button:has-text("Save")');
    await page.goto(`${pair.nonprodOrigin}/reach/shop/shop-api`);
    assert.doesNotMatch(await main.innerText(), /REACH_TOKEN/);
    assert.match(await row(/^Main branch, main\s*cron/).innerText(), /REACH_TOKEN/);

    await page.goto(`${pair.nonprodOrigin}/secrets/REACH_TOKEN`);
    await page.click('button:has-text("Erase REACH_TOKEN")');
    await page.waitForURL('**/secrets');
    assert.deepEqual(complaints, []);
    await context.close();
  },
);
