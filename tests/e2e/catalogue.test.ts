import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import {
  becomeAdministrator,
  launchChromium,
  openPage,
  picture,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { commandLine } from '../support/command-line.ts';
import { branchWith, shown, started } from '../support/manual-runs.ts';
import { runningPair } from '../support/pair.ts';

let browser: Browser;
before(async () => {
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

/** On the pool's page: its images become these lines, and the page shows as much. */
async function saveImages(page: Page, lines: string): Promise<void> {
  const { length } = lines.split('\n');
  await page.fill('#images', lines);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: `Images ${length}` }).waitFor();
  assert.equal(await page.inputValue('#images'), lines);
}

test(
  'a build of an image that is not listed fails, and runs when the image is added on its pool’s page',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const shell = commandLine(pair);
    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, `${pair.nonprodOrigin}/pools/default`, 'oke');
    await becomeAdministrator(page, '/pools/default');
    const before = await page.inputValue('#images');
    try {
      const branch = await branchWith(pair, [
        // The file that the release file keeps.
        'mkdir -p dist && touch dist/shop-api.tar.gz',
        'echo built by a listed image',
      ]);
      await saveImages(page, 'other-builder:*');
      const refused = await started(shell, branch);
      const { reason } = await shown(shell, refused, ({ state }) => state === 'failed');
      assert.match(
        reason ?? '',
        /the pool default does not list the image shop-builder\. .*\/pools\/default; it has other-builder:\*/,
      );

      await saveImages(page, 'other-builder:*\nshop-builder');
      assert.equal(await sidewaysScroll(page), 0);
      await picture(page, 'pool-images-1280-light');
      const taken = await started(shell, branch);
      const ended = await shown(shell, taken, ({ state }) => ['passed', 'failed'].includes(state));
      assert.equal(ended.state, 'passed', String(ended.reason));
      const { text } = await shell.airlock('logs', taken);
      assert.match(text, /built by a listed image/);
      const changes = page.getByRole('table').last().getByRole('row');
      assert.match(await changes.nth(1).innerText(), /oke/);
    } finally {
      await saveImages(page, before);
      shell.dispose();
    }
    assert.deepEqual(complaints, []);
    await context.close();
  },
);
