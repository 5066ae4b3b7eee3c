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
  'the gate’s page of trust says what each process may do, and knows u and y, on a phone too',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 390],
    ] as const) {
      const { context, page, complaints } = await openPage(browser, {
        ...{ scheme, width, timezoneId: 'Asia/Kolkata' },
      });
      await signInAs(page, `${pair.gateOrigin}/trust`, 'leo');
      const processes = page.getByRole('table').last().getByRole('row');
      assert.match(
        await processes.filter({ hasText: 'prod-gate/deliverer' }).innerText(),
        /keep a credential/,
      );
      const moment = page.locator('main time').first();
      assert.match(await moment.innerText(), / UTC/);
      await page.keyboard.press('u');
      assert.match(await moment.innerText(), / GMT\+5:30/);
      await page.keyboard.press('y');
      await page.locator('#keys-status').getByText(`${pair.gateOrigin}/trust`).waitFor();
      assert.equal(await sidewaysScroll(page), 0);
      await picture(page, `gate-trust-${scheme}-${width}`);
      assert.deepEqual(complaints, []);
      await context.close();
    }
  },
);

test(
  'a target leads to its hook, whose page says that what is pinned lies here, on a phone too',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 390],
    ] as const) {
      const { context, page, complaints } = await openPage(browser, { scheme, width });
      await signInAs(page, `${pair.gateOrigin}/targets/prod-eu`, 'leo');
      await page.getByRole('link', { name: /^load-release@sha256:/ }).click();
      await page.getByRole('heading', { name: 'Hook load-release' }).waitFor();
      const pins = page.getByRole('table').first();
      assert.match(await pins.innerText(), /prod-eu[\s\S]*delivers[\s\S]*lies here/);
      assert.equal(await sidewaysScroll(page), 0);
      await picture(page, `gate-hook-${scheme}-${width}`);
      assert.deepEqual(complaints, []);
      await context.close();
    }
  },
);
