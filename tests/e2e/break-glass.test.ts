/** A release that cannot wait, in a browser: asked for, signed by one, delivered, said on every page, and looked at by two others. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { launchChromium, patience, sidewaysScroll, withoutChromium } from '../support/chromium.ts';
import { commandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';
import { withPasskey } from '../support/passkey.ts';
import { discard, waitingPromotion } from '../support/promotion.ts';

const pictures = process.env['AIRLOCK_SCREENSHOTS'];
const why = 'Checkout is down and nobody else is awake.';
/** One release manager is enough, and two others look at it: leo and oke are all that the demo has. */
const opened = `breakGlass:
  approvals: [{ role: release-manager, count: 1 }]
  review: { count: 2, within: 4h }
`;

let browser: Browser;
before(async () => {
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

/** Of a wide page in the light and a phone in the dark, neither of which scrolls sideways. */
async function look(page: Page, name: string): Promise<void> {
  for (const [scheme, width] of [
    ['dark', 390],
    ['light', 1280],
  ] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    assert.equal(await sidewaysScroll(page), 0, `${name}, ${scheme} at ${width} px`);
    if (pictures === undefined) continue;
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({
      path: join(pictures, `break-glass-${name}-${scheme}-${width}.png`),
      fullPage: true,
    });
  }
}

const Reviews = z.looseObject({
  reviews: z.array(
    z.looseObject({
      promotion: z.string(),
      delivery: z.string(),
      reviewedAt: z.string().nullable(),
    }),
  ),
});

test(
  'one release manager delivers by break-glass, every page of the gate says so until two others have looked at it with their passkeys, and its evidence is complete',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const command = commandLine(pair);
    const file = `targets/${target}.yaml`;
    const original = readFileSync(join(pair.layout.gateConfig, file), 'utf8');
    const put = (text: string): Promise<void> =>
      pair.editConfiguration((directory) => {
        writeFileSync(join(directory, file), text);
      });
    await put(original + opened);
    const promotion = await waitingPromotion(pair);
    const directory = mkdtempSync(join(tmpdir(), 'airlock-break-glass-'));
    try {
      const url = `${pair.gateOrigin}/promotions/${promotion}`;
      const mira = await withPasskey(browser, pair, 'mira');
      const { page } = mira;

      await page.goto(url);
      await page.getByText('It cannot wait…').click();
      await look(page, 'ask');
      const asks = page.getByRole('button', { name: 'Ask for break-glass' });
      const justification = page.locator('textarea[name="justification"]');
      await justification.fill('it is urgent');
      await asks.click();
      assert.equal(page.url(), url, 'the browser sends nothing that is too short');
      assert.equal(await justification.inputValue(), 'it is urgent');
      const session = await pair.signIn('gate', 'mira');
      await assert.rejects(
        session.postJson(`/api/v1/promotions/${promotion}/break-glass`, {
          justification: 'it is urgent',
        }),
        /Say why it cannot wait, in 20 to 500 characters/,
      );
      await page.goto(url);
      await page.getByText('It cannot wait…').click();
      await justification.fill(why);
      await asks.click();
      await until('the document that says break-glass', 20, async () => {
        await page.goto(url);
        return (await page.getByText(`BREAK-GLASS by mira: ${why}`).count()) === 1 ? true : null;
      });
      await page.getByText('mira asked for break-glass:').waitFor(patience);
      await look(page, 'asked');
      await page.locator('form[data-passkey="approve"] button[type="submit"]').click();
      await page.getByText('Delivered.').first().waitFor({ timeout: 60_000 });
      await look(page, 'live');

      const auditor = await pair.signIn('gate', 'aud');
      const use = async () => {
        const { reviews } = Reviews.parse(await auditor.getJson('/api/v1/reviews'));
        return reviews.find((review) => review.promotion === promotion) ?? null;
      };
      const { delivery } = await until('the use in the ledger', 20, use);
      const notice = page.getByRole('link', { name: 'Look at it' });
      for (const path of ['/queue', `/targets/${target}`, '/leases', '/controls', '/ledger']) {
        await page.goto(`${pair.gateOrigin}${path}`);
        assert.equal(await notice.count(), 1, `on ${path}`);
      }
      await page.goto(`${pair.gateOrigin}/queue`);
      await look(page, 'notice');
      await page.goto(`${pair.gateOrigin}/reviews`);
      const hers = page.locator('.card').filter({ hasText: delivery });
      await hers.getByText('You took part in it; somebody else looks at it.').waitFor(patience);
      assert.equal(await hers.locator('form').count(), 0);
      assert.equal(await notice.count(), 0, 'a page does not lead to itself');

      for (const [person, have] of [
        ['leo', 1],
        ['oke', 2],
      ] as const) {
        const other = await withPasskey(browser, pair, person);
        await other.page.goto(`${pair.gateOrigin}/reviews`);
        const card = other.page.locator('.card').filter({ hasText: delivery });
        await card.getByText(why).waitFor(patience);
        if (have === 1) await look(other.page, 'reviews');
        const [signed] = await Promise.all([
          other.page.waitForResponse(`${pair.gateOrigin}/api/v1/reviews/${delivery}`, patience),
          card.getByRole('button', { name: 'I have looked at it' }).click(),
        ]);
        assert.equal(signed.status(), 201, person);
        if (have === 1) {
          await card.getByText('You looked at it.').waitFor(patience);
          await card.getByText('Looked at: 1 of 2 (Leo Brandt)').waitFor(patience);
        }
        assert.deepEqual(other.complaints, [], person);
        await other.context.close();
      }
      await until('the review in the ledger', 20, async () => {
        const now = await use();
        return now === null || now.reviewedAt === null ? null : now;
      });
      await page.goto(`${pair.gateOrigin}/reviews`);
      await page
        .locator('tr')
        .filter({ hasText: delivery })
        .getByText('Leo Brandt, Oke Lindqvist')
        .waitFor(patience);
      await look(page, 'reviewed');
      await page.goto(`${pair.gateOrigin}/queue`);
      assert.equal(await notice.count(), 0, 'the notice is gone');
      assert.deepEqual(mira.complaints, []);
      await mira.context.close();

      const archive = join(directory, 'evidence.tar');
      const bytes = await until('the evidence', 20, () =>
        auditor.getBytes(`/api/v1/promotions/${promotion}/evidence`).catch(() => null),
      );
      writeFileSync(archive, bytes);
      const verified = await command.airlock('verify', archive, '--pinned', pair.pinnedFile);
      assert.match(verified.text, /VERDICT: complete and unaltered\s*$/);
      assert.equal(verified.status, 0);
    } finally {
      rmSync(directory, { recursive: true });
      command.dispose();
      await discard(pair, promotion);
      await put(original);
    }
  },
);
