/** A release outside its windows that somebody starts by hand, on the running pair: asked for in a browser, approved by the rules and one more, started, delivered and owed a look. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import {
  launchChromium,
  openPage,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { commandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';
import { withPasskey } from '../support/passkey.ts';
import { detailsOf, discard, waitingPromotion } from '../support/promotion.ts';

const patience = { timeout: 30_000 };
const pictures = process.env['AIRLOCK_SCREENSHOTS'];
const why = 'The certificate ends before Monday.';
/** No window is open, and somebody says when; one release manager is enough, so that two are left to look at it. */
const closed = (file: string): string =>
  file
    .replace('      count: 2\n', '      count: 1\n')
    .replace(/^deliver:\n/m, 'deliver:\n  start: manual\n') +
  `windows:
  deny: [{ name: quiet, start: 2020-01-01, end: 2099-12-31 }]
  override: { role: platform, count: 1, reason: required, review: 4h }
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
      path: join(pictures, `override-${name}-${scheme}-${width}.png`),
      fullPage: true,
    });
  }
}

const Reviews = z.looseObject({
  reviews: z.array(
    z.looseObject({
      ...{ promotion: z.string(), kind: z.string(), delivery: z.string() },
      reviewedAt: z.string().nullable(),
    }),
  ),
});

test(
  'a release passes outside its windows with one approval more and a reason, begins when somebody starts it, and is owed a look',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const command = commandLine(pair);
    const directory = mkdtempSync(join(tmpdir(), 'airlock-override-'));
    const archive = join(directory, 'evidence.tar');
    const names = [`targets/${target}.yaml`, 'roster.yaml'] as const;
    const [file, roster] = names.map((name) =>
      readFileSync(join(pair.layout.gateConfig, name), 'utf8'),
    );
    assert.ok(file !== undefined && roster !== undefined);
    const put = (...texts: readonly [file: string, roster: string]): Promise<void> =>
      pair.editConfiguration((directory) => {
        for (const [index, name] of names.entries()) {
          writeFileSync(join(directory, name), texts[index] ?? '');
        }
      });
    const withReviewer = roster.replace('      - auditor\n', '      - auditor\n      - security\n');
    assert.ok(closed(file) !== file && withReviewer !== roster);
    await put(closed(file), withReviewer);
    const promotion = await waitingPromotion(pair);
    try {
      const url = `${pair.gateOrigin}/promotions/${promotion}`;
      const { page, context, complaints } = await openPage(browser, {
        scheme: 'light',
        width: 1280,
      });
      await signInAs(page, url, 'leo');
      const waits = async (): Promise<readonly string[]> =>
        (await detailsOf(pair, promotion)).verdict.codes;
      assert.deepEqual((await waits()).toSorted(), [
        'E_APPROVALS_MISSING',
        'E_START_AWAITED',
        'E_WINDOW_CLOSED',
      ]);

      await page.goto(url);
      await page.getByText('It cannot wait for the window…').click();
      await page.locator('textarea[name="justification"]').fill(why);
      await look(page, 'ask');
      await page.getByRole('button', { name: 'Ask for an override' }).click();
      await until('the document that says override', 20, async () => {
        await page.goto(url);
        return (await page.getByText(`asked for an override of the windows:`).count()) === 1 &&
          !(await waits()).includes('E_WINDOW_CLOSED')
          ? true
          : null;
      });
      await page.getByText(`“${why}”`).first().waitFor(patience);
      await look(page, 'asked');

      const early = await command.airlock('deliver', promotion, '--as', 'mira');
      assert.match(early.text, /It cannot start yet/);
      assert.notEqual(early.status, 0);
      const approve = async (person: string): Promise<void> => {
        const approved = await command.airlock('approve', promotion, '--as', person);
        assert.equal(approved.status, 0, approved.text);
      };
      await approve('leo');
      assert.deepEqual((await waits()).toSorted(), ['E_APPROVALS_MISSING', 'E_START_AWAITED']);
      await approve('oke');
      await until('nothing is missing but a start', 20, async () =>
        (await waits()).join() === 'E_START_AWAITED' ? true : null,
      );
      // By itself: going there would race with the page, which loads itself again for what just changed.
      await page.getByRole('button', { name: 'Start delivery' }).waitFor(patience);
      await look(page, 'start');
      await page.getByRole('button', { name: 'Start delivery' }).click();
      await page.getByText('Delivered.').first().waitFor({ timeout: 60_000 });
      await look(page, 'live');

      const auditor = await pair.signIn('gate', 'aud');
      const use = async () => {
        const { reviews } = Reviews.parse(await auditor.getJson('/api/v1/reviews'));
        return reviews.find((review) => review.promotion === promotion) ?? null;
      };
      const { kind, delivery } = await until('the use in the ledger', 20, use);
      assert.equal(kind, 'override');
      const notice = page.getByText('outside its windows.');
      await page.goto(`${pair.gateOrigin}/queue`);
      await notice.first().waitFor(patience);
      await look(page, 'notice');
      for (const person of ['mira', 'aud']) {
        const other = await withPasskey(browser, pair, person);
        await other.page.goto(`${pair.gateOrigin}/reviews`);
        const card = other.page.locator('.card').filter({ hasText: delivery });
        await card.getByText(why).waitFor(patience);
        if (person === 'mira') await look(other.page, 'reviews');
        const [signed] = await Promise.all([
          other.page.waitForResponse(`${pair.gateOrigin}/api/v1/reviews/${delivery}`, patience),
          card.getByRole('button', { name: 'I have looked at it' }).click(),
        ]);
        assert.equal(signed.status(), 201, person);
        await other.context.close();
      }
      await until('the review in the ledger', 20, async () =>
        (await use())?.reviewedAt == null ? null : true,
      );
      const bytes = await until('the evidence', 20, () =>
        auditor.getBytes(`/api/v1/promotions/${promotion}/evidence`).catch(() => null),
      );
      writeFileSync(archive, bytes);
      const verified = await command.airlock('verify', archive, '--pinned', pair.pinnedFile);
      assert.match(verified.text, /VERDICT: complete and unaltered\s*$/);
      assert.deepEqual(complaints, []);
      await context.close();
    } finally {
      rmSync(directory, { recursive: true });
      command.dispose();
      await discard(pair, promotion);
      await put(file, roster);
    }
  },
);
