import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import {
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
  'M13: each site has the manual of its own version, found from the foot of a page, and a page of it says where it is edited',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    for (const [origin, person, site] of [
      [pair.nonprodOrigin, 'dana', 'nonprod'],
      [pair.gateOrigin, 'mira', 'gate'],
    ] as const) {
      for (const [scheme, width] of [
        ['light', 1280],
        ['dark', 390],
      ] as const) {
        const { context, page, complaints } = await openPage(browser, { scheme, width });
        await signInAs(page, `${origin}/me`, person);
        await page.getByRole('contentinfo').getByRole('link', { name: 'Manual' }).click();
        await page.getByRole('link', { name: 'Deploy hooks', exact: true }).waitFor();
        assert.equal(await sidewaysScroll(page), 0);
        await picture(page, `${site}-manual-${scheme}-${width}`);

        await page.goto(`${origin}/manual/operations/hooks`);
        assert.match(
          await page.locator('aside').innerText(),
          /This page is docs\/operations\/hooks\.md/,
        );
        const section = page.locator('aside a').first();
        await section.click();
        const id = new URL(page.url()).hash;
        assert.equal(await page.locator(`h2${id}`).innerText(), await section.innerText());
        assert.equal(await sidewaysScroll(page), 0);
        assert.equal(await page.locator('[style]').count(), 0);
        await picture(page, `${site}-manual-page-${scheme}-${width}`);
        assert.deepEqual(complaints, []);

        const none = await page.goto(`${origin}/manual/operations/..%2f..%2fpages.json`);
        assert.equal(none?.status(), 404);
        await context.close();
      }
    }
  },
);
