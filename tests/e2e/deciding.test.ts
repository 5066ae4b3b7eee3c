/** A release manager decides (row by row as the journey goes): on the command line and in a browser, over the same facts. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { target } from '@airlock/demo/names';
import type { Browser } from 'playwright-core';
import { z } from 'zod';
import {
  launchChromium,
  openPage,
  patience,
  picture,
  signInWithPasskey,
  withoutChromium,
} from '../support/chromium.ts';
import { commandLine, type CommandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';
import { detailsOf, discard, waitingPromotion } from '../support/promotion.ts';

let command: CommandLine;
let browser: Browser | null = null;
before(async () => {
  command = commandLine(await runningPair());
  if (withoutChromium === false) browser = await launchChromium();
});
after(async () => {
  command.dispose();
  await browser?.close();
});

const wordsIn = (text: string): string | undefined =>
  /(?:[bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz](?: |$)){8}/m
    .exec(text)?.[0]
    .trim();

test('what waits, why, and what changes: the command line says of a promotion what the gate knows', async () => {
  const pair = await runningPair();
  const id = await waitingPromotion(pair);
  try {
    const queue = await command.airlock('queue', '--as', 'mira');
    assert.equal(queue.status, 0, queue.text);
    assert.match(queue.text, new RegExp(`Needs you\\n(?:.*\\n)*? {2}${id} `));

    const narrowed = async (...asked: string[]): Promise<boolean> =>
      (await command.airlock('queue', '--as', 'mira', ...asked)).text.includes(`  ${id}  `);
    assert.equal(await narrowed('--target', target, '-q', id), true);
    assert.equal(await narrowed('--target', `${target}-2`), false);
    assert.equal(await narrowed('-q', 'nowhere said'), false);

    const { promotionDigest, checks } = await detailsOf(pair, id);
    const why = await command.airlock('release', 'show', id, '--why');
    assert.equal(why.status, 0, why.text);
    assert.equal(why.text.match(/^ {2}[✓✗…!-] /gm)?.length, checks.length);
    assert.ok(why.text.includes(`digest sha256:${promotionDigest}`), why.text);
    assert.ok(wordsIn(why.text), why.text);

    const diff = await command.airlock('diff', target, id);
    assert.equal(diff.status, 0, diff.text);
    assert.match(diff.text, /Since .+, which is live: \d+ commits?|Nothing is live yet/);
    assert.match(diff.text, /products\.json/);
    const stat = await command.airlock('diff', target, id, '--stat');
    assert.match(stat.text, /^against .+\n\d+ commits?\n\d+ files? {2}\+\d+ −\d+$/m);
    assert.doesNotMatch(stat.text, /products\.json/);

    const elsewhere = await command.airlock('diff', 'prod-mars', id);
    assert.equal(elsewhere.status, 2);
    assert.match(elsewhere.text, new RegExp(`say: airlock diff ${target} ${id}`));
    const session = await pair.signIn('gate', 'mira');
    await assert.rejects(
      session.getJson(`/api/v1/promotions/${id}/diff?against=2026`),
      /expected live/,
    );
  } finally {
    await discard(pair, id);
  }
});

test(
  'the page says a promotion’s digest in the same eight words as the command line, and tells of an approval given elsewhere without losing a note that is being written',
  { skip: withoutChromium },
  async () => {
    const pair = await runningPair();
    const id = await waitingPromotion(pair);
    assert.ok(browser);
    const mira = await openPage(browser, { scheme: 'light', width: 1280 });
    const { page } = mira;
    try {
      await signInWithPasskey(mira, pair.gateOrigin, { person: 'mira', label: 'deciding key' });
      await page.goto(`${pair.gateOrigin}/promotions/${id}`);
      const box = page.locator('form[data-passkey="approve"]');
      await box.waitFor(patience);
      const { text } = await command.airlock('release', 'show', id);
      const words = wordsIn(text);
      assert.ok(words, text);
      await box.getByText(words).waitFor(patience);
      await picture(page, 'deciding-light-1280');

      const note = page.locator('textarea[name="note"]');
      await note.fill('half a note');
      const approved = await command.airlock('approve', id, '--as', 'leo');
      assert.equal(approved.status, 0, approved.text);
      assert.equal(wordsIn(approved.text), words);
      await page.getByText('Something changed.').waitFor(patience);
      assert.equal(await note.inputValue(), 'half a note');
      await page.getByRole('button', { name: 'Show', exact: true }).click();
      await page
        .getByText(/1 of 2 approvals/)
        .first()
        .waitFor(patience);
      assert.deepEqual(mira.complaints, []);
    } finally {
      await mira.context.close();
      await discard(pair, id);
    }
  },
);

const Delivery = z.looseObject({ delivery: z.string() });

test('airlock watch tells what a promotion waits for, follows its delivery to the revoked credential, and ends 0; of a rejected one 5', async () => {
  const pair = await runningPair();
  const id = await waitingPromotion(pair);
  let said = '';
  const approvals: Promise<void>[] = [];
  const approve = async (): Promise<void> => {
    for (const person of ['leo', 'mira']) {
      const { status, text } = await command.airlock('approve', id, '--as', person);
      if (status === 0) continue;
      // Or the watch would wait for ever.
      await discard(pair, id);
      assert.fail(text);
    }
  };
  const watched = await command.watched(
    (text) => {
      said += text;
      if (approvals.length === 0 && /approval/.test(said)) approvals.push(approve());
    },
    ...['watch', id],
  );
  await Promise.all(approvals);
  assert.equal(watched.status, 0, watched.text);
  const { delivery } = Delivery.parse(
    await (await pair.signIn('gate', 'mira')).getJson(`/api/v1/promotions/${id}`),
  );
  assert.ok(watched.text.includes(`${delivery} → ${target}: succeeded`), watched.text);
  assert.match(watched.text, /^credential \S+ \(.+\) issued .+, dies at the latest /m);
  assert.match(watched.text, /^credential \S+ revoked .+ \(lived \d+\.\d s\)$/m);
  assert.match(watched.text, /^ {2}stdout \| /m);
  assert.equal(watched.text.match(/: succeeded$/gm)?.length, 1, 'each thing is said once');
  const again = await command.airlock('watch', delivery);
  assert.equal(again.status, 0, again.text);

  const other = await waitingPromotion(pair);
  await discard(pair, other);
  const rejected = await command.airlock('watch', other);
  assert.equal(rejected.status, 5, rejected.text);
  assert.match(rejected.text, /left behind by a test/);
});
