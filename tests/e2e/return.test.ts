import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  approveAs,
  askForPromotion,
  commitNewProduct,
  until,
  waitForCandidate,
  waitForEnd,
} from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import type { Browser } from 'playwright-core';
import {
  launchChromium,
  openPage,
  patience,
  picture,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { runningPair } from '../support/pair.ts';

const target = 'prod-eu';
const migration = 'migrations/0002_rate.sql';
let browser: Browser;
before(async () => {
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

/** What `airlock verify` prints of an archive. */
async function verified(pair: Pair, archive: Buffer): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-return-'));
  const file = join(directory, 'evidence.tar');
  writeFileSync(file, archive);
  const root = join(import.meta.dirname, '../..');
  const loader = [
    '--conditions=source',
    '--import',
    join(root, 'scripts/tsx-hooks.mjs'),
    '--disable-warning=ExperimentalWarning',
  ];
  const main = join(root, 'packages/cli/src/main.ts');
  try {
    return await new Promise((resolve) => {
      execFile(
        process.execPath,
        [...loader, main, 'verify', file, '--pinned', pair.pinnedFile],
        { cwd: root },
        (_error, stdout, stderr) => {
          resolve(stdout + stderr);
        },
      );
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** @returns the promotion that is live now, and its release. */
async function deliver(pair: Pair, commit: string): Promise<{ id: string; release: string }> {
  const candidate = await waitForCandidate(pair, commit);
  const id = await askForPromotion(pair, candidate.id, 'for a return');
  for (const person of ['leo', 'mira']) await approveAs(pair, person, id);
  const ended = await waitForEnd(pair, id);
  assert.equal(ended.state, 'live');
  return { id, release: ended.release };
}

const skusIn = async (pair: Pair): Promise<string[]> =>
  (await pair.query<{ sku: string }>('shop', 'select sku from product order by 1')).map(
    ({ sku }) => sku,
  );

test(
  'a target returns to the release before the one that is live, once two others have signed that',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const earlier = await deliver(pair, await commitNewProduct(pair));
    const before_ = await skusIn(pair);
    await pair.repository.commit({
      message: 'Keep a rate with each product',
      author: { name: 'Dana', email: 'dana@demo.airlock.example' },
      files: { [migration]: 'alter table product add column rate int;\n' },
    });
    const newer = await deliver(pair, await commitNewProduct(pair));
    assert.notDeepEqual(await skusIn(pair), before_);

    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, `${pair.gateOrigin}/targets/${target}`, 'oke');
    await page.getByRole('link', { name: 'Return to an earlier release' }).click();
    await page.getByText(`${newer.release} is live.`).waitFor(patience);
    await picture(page, 'return-list-light-1280');
    await page.getByRole('link', { name: `Return to ${earlier.release}`, exact: true }).click();
    await page.getByText('Keep a rate with each product').waitFor(patience);
    const wish = page.url();
    for (const scheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: 900 });
        assert.equal(await sidewaysScroll(page), 0, `${scheme} at ${width} px scrolls sideways`);
        await picture(page, `return-page-${scheme}-${width}`);
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });

    // An open question refuses.
    await page.locator('textarea[name="reason"]').fill('orders fail');
    const ask = page.getByRole('button', { name: `Ask to return to ${earlier.release}` });
    await ask.click();
    await page.getByText(`${migration} came with ${newer.release}`).waitFor(patience);
    await picture(page, 'return-refused-dark-1280');

    await page.goto(wish);
    await page.locator('select[name="answer-0"]').selectOption('tolerates');
    await page.locator('textarea[name="reason"]').fill('orders fail');
    await ask.click();
    await page.waitForURL(/\/promotions\/prm_/, patience);
    await page
      .getByRole('heading', { name: `Return to ${earlier.release} → ${target}` })
      .waitFor(patience);
    const promotionId = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    for (const scheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: 900 });
        assert.equal(await sidewaysScroll(page), 0, `${scheme} at ${width} px scrolls sideways`);
        await picture(page, `return-promotion-${scheme}-${width}`);
      }
    }
    await page.goto(`${pair.gateOrigin}/queue`);
    await page
      .getByRole('link', { name: `Return to ${earlier.release}` })
      .first()
      .waitFor(patience);
    await picture(page, 'return-queue-dark-390');

    for (const person of ['leo', 'mira']) await approveAs(pair, person, promotionId);
    assert.equal((await waitForEnd(pair, promotionId)).state, 'live');
    assert.deepEqual(await skusIn(pair), before_, 'what was live before is live again');
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${pair.gateOrigin}/targets/${target}`);
    await page.getByRole('link', { name: earlier.release, exact: true }).first().waitFor(patience);
    // The refused form is a 4xx, which a browser complains of.
    assert.deepEqual(
      complaints.filter((text) => !/status of 4\d\d/.test(text)),
      [],
    );
    await context.close();

    const auditor = await pair.signIn('gate', 'aud');
    const archive = await until('the evidence of the return', 20, () =>
      auditor.getBytes(`/api/v1/promotions/${promotionId}/evidence`).catch(() => null),
    );
    assert.match(await verified(pair, archive), /VERDICT: complete and unaltered\s*$/);

    const oke = await pair.signIn('gate', 'oke');
    const refused = (to: string, answers: readonly object[]): Promise<void> =>
      assert.rejects(
        oke.postJson(`/api/v1/targets/${target}/return`, { to, answers, reason: 'attack' }),
        /no release that was live|came with|is what is live now/,
      );
    await refused('2020.01.01-1', []);
    await refused(earlier.release, []);
    await refused('dlv_0000000000', []);
  },
);
