/** An incident in the browser: one person freezes in three clicks, everybody sees it, and two start again with their passkeys. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import { readStops } from '@airlock/cli/stop-requests';
import { signedIn } from '@airlock/cli/signed-in';
import type { Browser } from 'playwright-core';
import {
  launchChromium,
  openPage,
  patience,
  picture,
  sidewaysScroll,
  signInWithPasskey,
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
  'leo freezes in two clicks from the queue, mira sees why on queue and target, and both start again with a passkey each',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const why = `checkout is down ${Date.now()}`;
    const leo = await openPage(browser, { scheme: 'light', width: 1280 });
    const mira = await openPage(browser, { scheme: 'dark', width: 390 });
    for (const [person, opened] of [
      ['leo', leo],
      ['mira', mira],
    ] as const) {
      await signInWithPasskey(opened, pair.gateOrigin, { person, label: 'incident key' });
    }

    await leo.page.goto(`${pair.gateOrigin}/queue`);
    await leo.page.getByRole('link', { name: 'Controls' }).click();
    await leo.page.locator('select[name="target"]').selectOption(target);
    await leo.page.locator('textarea[name="reason"]').fill(why);
    await leo.page.getByRole('button', { name: 'Stop', exact: true }).click();
    await leo.page.getByText(why).first().waitFor(patience);
    await picture(leo.page, 'controls-light-1280');
    const session = await signedIn(pair.gateOrigin, 'mira');
    const stop = (await readStops(session)).stops.find(({ reason }) => reason === why);
    assert.deepEqual([stop?.kind, stop?.targets, stop?.person], ['freeze', [target], 'leo']);

    for (const path of ['/queue', `/targets/${target}`]) {
      await mira.page.goto(`${pair.gateOrigin}${path}`);
      await mira.page.getByText(`Frozen: ${target}.`).first().waitFor(patience);
      await mira.page.getByText(new RegExp(`leo: “${why}”`)).waitFor(patience);
      assert.ok((await sidewaysScroll(mira.page)) <= 0, path);
      await picture(mira.page, `stopped${path.replaceAll('/', '-')}-dark-390`);
    }
    const placed = `[aria-label*="${stop?.id ?? ''}"] a[href^="/ledger/"]`;
    await until('its placing in the ledger', 20, async () => {
      await mira.page.goto(`${pair.gateOrigin}/controls`);
      return (await mira.page.locator(placed).count()) > 0 ? true : null;
    });
    assert.ok((await sidewaysScroll(mira.page)) <= 0, '/controls');
    await picture(mira.page, 'controls-dark-390');
    await mira.page.locator(placed).first().click();
    await mira.page.waitForURL(/\/ledger\/\d+$/);
    await mira.page.getByText(`stopped deliveries: freeze of ${target}`).waitFor(patience);
    await mira.page.getByText('in the ledger').first().waitFor(patience);
    assert.ok((await sidewaysScroll(mira.page)) <= 0, 'the entry');
    await picture(mira.page, 'ledger-entry-dark-390');
    for (const { page } of [mira, leo]) {
      await page.goto(`${pair.gateOrigin}/controls`);
      await page.locator(`form[data-options-url*="${stop?.id ?? ''}"] button`).click();
      if (page === mira.page) await page.getByText(/1 of 2 signed \(mira\)/).waitFor(patience);
    }
    await until('the start', 20, async () =>
      (await readStops(session)).stops.some(({ reason }) => reason === why) ? null : true,
    );
    await leo.page.goto(`${pair.gateOrigin}/controls/${stop?.id ?? ''}`);
    await leo.page.getByText(/(leo and mira|mira and leo) lifted the stop/).waitFor(patience);
    await picture(leo.page, 'stop-over-light-1280');
    await mira.page.goto(`${pair.gateOrigin}/targets/${target}`);
    assert.equal(await mira.page.getByText(why).count(), 0);
    assert.deepEqual([...leo.complaints, ...mira.complaints], []);
    await leo.context.close();
    await mira.context.close();
  },
);
