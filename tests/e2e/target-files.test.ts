/** What people who write target files have: schemas, a check that finds nothing in ours, and rules on trial beside real ones. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { approveAs, until } from '@airlock/demo/flow';
import { target } from '@airlock/demo/names';
import type { Browser } from 'playwright-core';
import {
  launchChromium,
  openPage,
  picture,
  sidewaysScroll,
  signInAs,
  withoutChromium,
} from '../support/chromium.ts';
import { commandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';
import { discard, waitingPromotion } from '../support/promotion.ts';

let browser: Browser;
before(async () => {
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  if (withoutChromium === false) await browser.close();
});

test('config check finds nothing but unlisted passkeys in the files of the pair, and the gate serves the schema that they name', async () => {
  const pair = await runningPair();
  const command = commandLine(pair);
  try {
    const directory = pair.layout.gateConfig;
    const mira = await pair.signIn('gate', 'mira');
    const { status, text } = await command.airlock('config', 'check', directory);
    assert.doesNotMatch(text, /✗ (?!\S+ people\.)/);
    // Outside of the demo people who decide must have their passkeys listed; nothing else is to mend.
    assert.equal(status, 5);
    for (const file of [`targets/${target}.yaml`, 'roster.yaml']) {
      const [first = ''] = readFileSync(join(directory, file), 'utf8').split('\n');
      const url = /\$schema=(\S+)$/.exec(first)?.[1] ?? assert.fail(first);
      const schema = await mira.getJson(new URL(url).pathname);
      assert.match(JSON.stringify(schema), /draft-07.*"additionalProperties":false/);
    }
  } finally {
    command.dispose();
  }
});

test(
  'rules on trial that one approval meets are told beside those in force, which go on holding',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const shadow = `shadow:
  approvals:
    rules: [{ role: release-manager, count: 1 }]
    exclude: [requester, authors, committers]
    expires: 24h
`;
    const file = `targets/${target}.yaml`;
    const original = readFileSync(join(pair.layout.gateConfig, file), 'utf8');
    const put = (text: string): Promise<void> =>
      pair.editConfiguration((directory) => {
        writeFileSync(join(directory, file), text);
      });
    await put(original + shadow);
    const promotion = await waitingPromotion(pair);
    const command = commandLine(pair);
    try {
      await approveAs(pair, 'leo', promotion);
      const told = await until('the difference at the gate', 30, async () => {
        const { text } = await command.airlock('policy', 'shadow', target);
        return text.includes(promotion) ? text : null;
      });
      assert.match(told, /rules are on trial/);
      assert.match(told, new RegExp(`↓ ${promotion} .* would have started`));

      for (const [scheme, width] of [
        ['light', 1280],
        ['dark', 390],
      ] as const) {
        const { context, page, complaints } = await openPage(browser, { scheme, width });
        await signInAs(page, `${pair.gateOrigin}/targets/${target}`, 'mira');
        await page.getByRole('heading', { name: 'Rules on trial' }).waitFor();
        await page.getByText('Would have started').first().waitFor();
        await picture(page, `gate-target-trial-${scheme}-${width}`);
        assert.equal(await sidewaysScroll(page), 0);
        await page.goto(`${pair.gateOrigin}/promotions/${promotion}`);
        await page
          .getByText(/1 of 2 approvals/)
          .first()
          .waitFor();
        await page.getByText(/which decide nothing, it would start/).waitFor();
        await picture(page, `gate-promotion-trial-${scheme}-${width}`);
        assert.equal(await sidewaysScroll(page), 0);
        assert.deepEqual(complaints, []);
        await context.close();
      }
    } finally {
      command.dispose();
      await discard(pair, promotion);
      await put(original);
    }
  },
);
