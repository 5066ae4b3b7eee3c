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
  'an administrator sees from any page who asks for the first time, says yes, and takes it back',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const noor = 'noor@demo.airlock.example';
    await pair.query(
      'nonprod',
      `insert into administrator_wish (person, reason) values ('${noor}', 'the pools of the new region')`,
    );
    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, `${pair.nonprodOrigin}/`, 'oke');
    await page.getByText(`${noor} wants to become administrator`).waitFor();
    await becomeAdministrator(page, '/');
    const address = `${pair.nonprodOrigin}/me/administrator`;
    const look = async (name: string): Promise<void> => {
      for (const scheme of ['light', 'dark'] as const) {
        for (const width of [1280, 390]) {
          await page.emulateMedia({ colorScheme: scheme });
          await page.setViewportSize({ width, height: 900 });
          assert.equal(await sidewaysScroll(page), 0, `${name} scrolls sideways at ${width} px`);
          await picture(page, `administrators-${name}-${scheme}-${width}`);
        }
      }
    };
    await page.goto(address);
    await look('waits');
    const row = page.locator('tr', { hasText: noor });
    await row.getByRole('button', { name: 'Say yes' }).click();
    await row.getByText('by oke@demo.airlock.example').waitFor();
    await look('admitted');
    await row.getByRole('button', { name: 'Take it back' }).click();
    await page.waitForURL(address);
    await row.waitFor({ state: 'detached' });
    const [kept] = await pair.query<{ by: string; back: string }>(
      'nonprod',
      `select admitted_by as by, withdrawn_by as back from administrator_wish where person = '${noor}' order by id desc limit 1`,
    );
    const oke = 'oke@demo.airlock.example';
    assert.deepEqual([kept?.by, kept?.back], [oke, oke]);
    assert.deepEqual(complaints, []);
    await context.close();
  },
);
