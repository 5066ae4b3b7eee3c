/** A start that somebody gave, on the running pair: a stop that is lifted again leaves nothing that begins by itself, and the page says so. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { approveAs, until } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import {
  launchChromium,
  openPage,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { commandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';
import { detailsOf, discard, waitingPromotion } from '../support/promotion.ts';

const pictures = process.env['AIRLOCK_SCREENSHOTS'];
const name = `targets/${target}.yaml`;

test(
  'a delivery that somebody started does not begin by that after a stop was lifted, and is started anew',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const command = commandLine(pair);
    const airlock = async (...args: string[]): Promise<string> => {
      const { status, text } = await command.airlock(...args);
      assert.equal(status, 0, text);
      return text;
    };
    const file = readFileSync(join(pair.layout.gateConfig, name), 'utf8');
    const put = (text: string): Promise<void> =>
      pair.editConfiguration((directory) => {
        writeFileSync(join(directory, name), text);
      });
    const manual = file.replace(/^deliver:\n/m, 'deliver:\n  start: manual\n  cooling: 10m\n');
    assert.notEqual(manual, file);
    await put(manual);
    const promotion = await waitingPromotion(pair);
    const browser = await launchChromium();
    try {
      const waitsFor = (...codes: readonly string[]): Promise<true> =>
        until(`${codes.join(', ')} and nothing else`, 20, async () => {
          const { verdict } = await detailsOf(pair, promotion);
          return verdict.codes.toSorted().join() === codes.join() ? true : null;
        });
      for (const person of ['leo', 'mira']) await approveAs(pair, person, promotion);
      await waitsFor('E_COOLING', 'E_START_AWAITED');
      await airlock('deliver', promotion, '--as', 'mira');
      await waitsFor('E_COOLING');

      const placed = await airlock('freeze', target, '-m', 'checkout is down');
      const stop = /^stp_[0-9a-z]{10}/m.exec(placed)?.[0] ?? assert.fail(placed);
      for (const person of ['mira', 'leo']) await airlock('start-again', stop, '--as', person);
      await waitsFor('E_COOLING', 'E_START_AWAITED');

      const { page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
      await signInAs(page, `${pair.gateOrigin}/promotions/${promotion}`, 'leo');
      const told = page.getByText(/gave the word at .* UTC, and then deliveries were stopped/);
      await told.first().waitFor({ timeout: 30_000 });
      for (const [scheme, width] of [
        ['dark', 390],
        ['light', 1280],
      ] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: 900 });
        assert.equal(await sidewaysScroll(page), 0, `${scheme} at ${width} px`);
        if (pictures === undefined) continue;
        mkdirSync(pictures, { recursive: true });
        const path = join(pictures, `manual-start-${scheme}-${width}.png`);
        await page.screenshot({ path, fullPage: true });
      }
      await page.getByRole('button', { name: 'Start delivery' }).click();
      await waitsFor('E_COOLING');
      assert.deepEqual(complaints, []);
    } finally {
      await browser.close();
      command.dispose();
      await discard(pair, promotion);
      await put(file);
    }
  },
);
