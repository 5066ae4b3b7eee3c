/** What changes inside an artifact, from the build of two releases to the page that is decided on and the delivery. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { approveAs, askForPromotion, waitForCandidate, waitForEnd } from '@airlock/demo/flow';
import { firstProducts, productsFile } from '@airlock/demo/repository';
import type { Pair } from '@airlock/demo/pair';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import {
  launchChromium,
  openPage,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { runningPair } from '../support/pair.ts';

/** Where screenshots go when somebody wants to look: AIRLOCK_SCREENSHOTS=directory. */
const pictures = process.env['AIRLOCK_SCREENSHOTS'];
const packageScript = 'package.sh';

let browser: Browser;
before(async () => {
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

type Component = { name: string; version: string; licence: string };

const sbomOf = (components: readonly Component[]): string =>
  `${JSON.stringify({
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    components: components.map(({ name, version, licence }) => ({
      ...{ type: 'library', name, version, purl: `pkg:npm/${name}@${version}` },
      licenses: [{ license: { id: licence } }],
    })),
  })}\n`;

const dana = { name: 'Dana Okafor', email: 'dana@demo.airlock.example' };

/** Main with these files, built and asked for. @returns the promotion that waits at the gate. */
async function asked(
  pair: Pair,
  message: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const commit = await pair.repository.commit({ message, author: dana, files });
  return askForPromotion(pair, (await waitForCandidate(pair, commit)).id, message);
}

async function live(pair: Pair, promotion: string): Promise<void> {
  for (const person of ['leo', 'mira']) await approveAs(pair, person, promotion);
  assert.equal((await waitForEnd(pair, promotion)).state, 'live');
}

const Counts = z.object({ changes: z.looseObject({ artifact: z.looseObject({}) }) });
const Artifact = z.looseObject({
  before: z.object({ digest: z.string(), size: z.number() }),
  after: z.object({ digest: z.string(), size: z.number() }),
  unread: z.null(),
  list: z.array(z.looseObject({ path: z.string(), change: z.string() })),
  sbom: z.looseObject({
    added: z.number(),
    removed: z.number(),
    changed: z.number(),
    relicensed: z.number(),
    list: z.array(z.looseObject({ name: z.string(), from: z.string().nullable() })),
  }),
});

test(
  'a second release shows which files and components of its artifact differ from what is live, and is delivered as shown',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const script = execFileSync('git', ['show', `refs/heads/main:${packageScript}`], {
      cwd: pair.repository.bareDirectory,
      encoding: 'utf8',
    });
    const withSbom = script.replace(
      'products.json release.json |',
      'products.json release.json bom.json |',
    );
    assert.notEqual(withSbom, script);
    try {
      const cart = { name: 'cart', version: '1.0.0', licence: 'MIT' };
      const rates = { name: 'rates', version: '2.0.0', licence: 'MIT' };
      const first = await asked(pair, 'Say what the shop is made of', {
        [packageScript]: withSbom,
        'bom.json': sbomOf([cart, rates, { ...cart, name: 'left-pad' }]),
        'products.json': productsFile(firstProducts),
      });
      await live(pair, first);
      const second = await asked(pair, 'Move to the next cart', {
        'bom.json': sbomOf([
          { ...cart, version: '1.1.0' },
          { ...rates, licence: 'AGPL-3.0-only' },
          { ...cart, name: 'vat' },
        ]),
        'products.json': productsFile([
          ...firstProducts,
          { sku: 'vat-m6', name: 'With VAT', price_cents: 19 },
        ]),
      });

      const mira = await pair.signIn('gate', 'mira');
      const told = Counts.parse(await mira.getJson(`/api/v1/promotions/${second}`));
      const artifact = Artifact.parse(told.changes.artifact);
      assert.deepEqual(artifact.list.map(({ path, change }) => `${change} ${path}`).sort(), [
        'changed bom.json',
        'changed products.json',
        'changed release.json',
      ]);
      const { added, removed, changed, relicensed } = artifact.sbom;
      assert.deepEqual(
        { added, removed, changed, relicensed },
        { added: 1, removed: 1, changed: 1, relicensed: 1 },
      );
      const [row] = await pair.query<{ digest: string }>(
        'gate',
        'select artifact_digest as digest from promotion where id = $1',
        [first],
      );
      assert.equal(artifact.before.digest, row?.digest, 'compared with what is live');

      const { context, page, complaints } = await openPage(browser, {
        scheme: 'light',
        width: 1280,
      });
      await signInAs(page, `${pair.gateOrigin}/promotions/${second}`, 'mira');
      await page.getByText('SBOM difference: +1 −1 ~1, 1 licence changed').waitFor();
      for (const flag of ['1 new component', '1 component under another licence']) {
        assert.ok(await page.getByText(flag, { exact: true }).isVisible(), flag);
      }
      await page.getByText('0 new, 3 changed, 0 gone, of 3 files').click();
      await page.getByText('pkg:npm/vat', { exact: true }).waitFor();
      for (const scheme of ['light', 'dark'] as const) {
        for (const width of [1280, 390]) {
          await page.emulateMedia({ colorScheme: scheme });
          await page.setViewportSize({ width, height: 900 });
          assert.equal(await sidewaysScroll(page), 0, `${scheme} at ${width} px scrolls sideways`);
          await picture(page, `artifact-delta-${scheme}-${width}`);
        }
      }
      assert.deepEqual(complaints, []);
      await context.close();

      // Authority and deliverer have compared both artifacts by themselves, or there would be no login.
      await live(pair, second);
    } finally {
      await pair.repository.commit({
        message: 'Leave the packaging as it was',
        author: dana,
        files: { [packageScript]: script },
      });
    }
  },
);
