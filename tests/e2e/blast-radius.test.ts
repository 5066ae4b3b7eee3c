/** A runner that turned out to be bad: found, held, said where it is live; with the real chain from runner to provenance to gate. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { approveAs, until, waitForEnd } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import type { Browser } from 'playwright-core';
import {
  launchChromium,
  openPage,
  picture,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { commandLine, type CommandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';
import { assertWaits, discard, waitingPromotion } from '../support/promotion.ts';

let pair: Pair;
let shell: CommandLine;
let browser: Browser;
before(async () => {
  pair = await runningPair();
  shell = commandLine(pair);
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  shell.dispose();
  if (withoutChromium === false) await browser.close();
});

async function lifted(stop: string): Promise<void> {
  for (const person of ['mira', 'leo']) {
    const { status, text } = await shell.airlock('start-again', stop, '--as', person);
    assert.equal(status, 0, text);
  }
  await until('the stop to be lifted', 20, async () => {
    const { text } = await shell.airlock('stops', '-o', 'json');
    const { stops } = JSON.parse(text) as { stops: { id: string }[] };
    return stops.some(({ id }) => id === stop) ? null : true;
  });
}

test(
  'what a bad runner built is found live, held where it waits, and said on its target until it is lifted',
  { skip: withoutChromium },
  async () => {
    const first = await waitingPromotion(pair);
    await approveAs(pair, 'leo', first);
    await approveAs(pair, 'mira', first);
    assert.equal((await waitForEnd(pair, first)).state, 'live');
    const [trace] = await pair.query<{ runner: string }>(
      'gate',
      `select value as runner from promotion_trace where promotion_id = $1 and kind = 'runner'`,
      [first],
    );
    const runner = trace?.runner ?? '';
    assert.notEqual(runner, '');
    const asked = await shell.airlock('blast-radius', '--runner', runner, '--since', '1h');
    assert.equal(asked.status, 5, asked.text);
    assert.match(asked.text, new RegExp(`LIVE ${target} .*${first}`));
    assert.match(asked.text, /\(claimed by the builder\)/);

    const { context, page, complaints } = await openPage(browser, { scheme: 'light', width: 1280 });
    await signInAs(page, `${pair.gateOrigin}/controls`, 'mira');
    await page.click('a[href="/blast-radius"]');
    await page.selectOption('#kind', 'runner');
    await page.fill('#value', runner);
    await page.fill('#since', '1h');
    await page.click('button:has-text("Look")');
    await page.getByText('Live on 1 target.').waitFor();
    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['light', 390],
      ['dark', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 900 });
      assert.equal(await sidewaysScroll(page), 0, `${width}`);
      await picture(page, `blast-radius-${width}-${scheme}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.fill('#reason', 'somebody had a shell on it');
    await page.click('button:has-text("Quarantine")');
    await page.getByText('In quarantine').waitFor();

    const second = await waitingPromotion(pair);
    await approveAs(pair, 'leo', second);
    await approveAs(pair, 'mira', second);
    await assertWaits(pair, second, { code: 'E_STOPPED', have: 2 });
    await page.goto(`${pair.gateOrigin}/targets/${target}`);
    await page.getByText('What is live here is bad.').waitFor();
    await picture(page, 'target-in-quarantine-1280-light');
    await page.goto(`${pair.gateOrigin}/controls`);
    await page.getByText('Live, and rests on it:').first().waitFor();
    await picture(page, 'controls-in-quarantine-1280-light');
    const shown = await shell.airlock('taint', 'show');
    assert.equal(shown.status, 5, shown.text);
    const stop = new RegExp(
      `(stp_[0-9a-z]{10}) {2}by mira: somebody had a shell on it\\nrunner:${runner}: `,
    ).exec(shown.text)?.[1];
    assert.ok(stop !== undefined, shown.text);
    await discard(pair, second);
    await lifted(stop);
    await page.goto(`${pair.gateOrigin}/targets/${target}`);
    assert.equal(await page.getByText('What is live here is bad.').count(), 0);
    assert.deepEqual(complaints, []);
    await context.close();
  },
);
