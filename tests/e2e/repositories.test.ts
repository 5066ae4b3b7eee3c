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
  'repositories are found from every page, and their pages fit narrow and wide screens, light and dark',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, `${pair.nonprodOrigin}/`, 'oke');
    await becomeAdministrator(page, '/');
    await page.click('nav[aria-label="Main"] a[href="/repos"]');
    await page.getByText('Whoever can push to it runs commands on runners').waitFor();
    for (const [name, path] of [
      ['repos', '/repos'],
      ['repository', '/repos/shop/shop-api'],
      ['me', '/me'],
    ] as const) {
      const answer = await page.goto(`${pair.nonprodOrigin}${path}`);
      assert.equal(answer?.status(), 200, path);
      for (const [scheme, width] of [
        ['light', 1280],
        ['dark', 1280],
        ['light', 390],
        ['dark', 390],
      ] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: 900 });
        assert.equal(await sidewaysScroll(page), 0, `${path} ${width}`);
        await picture(page, `${name}-${width}-${scheme}`);
      }
    }
    assert.deepEqual(complaints, []);
    await context.close();
  },
);
