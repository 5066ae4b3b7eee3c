/** People ask and answer on a promotion from their terminals, and nothing is decided by it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { WebSession } from '@airlock/cli/web-session';
import { approveAs } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import { z } from 'zod';
import { commandLine, type CommandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';
import { assertWaits, detailsOf, discard, waitingPromotion } from '../support/promotion.ts';

const Remarks = z.object({
  remarks: z.array(z.looseObject({ person: z.string(), text: z.string() })),
});

let pair: Pair;
let shell: CommandLine;
let mira: WebSession;
let promotion: string;

const written = async (): Promise<string[]> => {
  const { remarks } = Remarks.parse(await mira.getJson(`/api/v1/promotions/${promotion}/remarks`));
  return remarks.map(({ person, text }) => `${person}: ${text}`);
};

describe('airlock ask', () => {
  before(async () => {
    pair = await runningPair();
    shell = commandLine(pair);
    mira = await pair.signIn('gate', 'mira');
    promotion = await waitingPromotion(pair);
  });
  after(async () => {
    shell.dispose();
    await discard(pair, promotion);
  });

  test('a question and its answer stand on the promotion in their order, and void nothing', async () => {
    await approveAs(pair, 'leo', promotion);
    const { promotionDigest } = await detailsOf(pair, promotion);
    const asked = await shell.airlock('ask', promotion, 'Why <b>now</b>?');
    assert.equal(asked.status, 0, asked.text);
    assert.match(asked.text, /^mira wrote on prm_/);
    const answered = await shell.airlock('ask', promotion, 'The sale begins.', '--as', 'dana');
    assert.equal(answered.status, 0, answered.text);

    assert.deepEqual(await written(), ['mira: Why <b>now</b>?', 'dana: The sale begins.']);
    const page = String(await mira.getBytes(`/promotions/${promotion}`));
    assert.match(page, /Why &lt;b(>|&gt;)now/);
    assert.ok(page.includes('The sale begins.') && !page.includes('<b>now'));
    const read = await shell.airlock('ask', promotion, '--as', 'leo');
    assert.match(
      read.text,
      /^Mira .*, \d{4}-\S+Z\n {2}Why <b>now<\/b>\?\nDana .*Z\n {2}The sale begins\.\n$/,
    );
    assert.equal((await detailsOf(pair, promotion)).promotionDigest, promotionDigest);
    await assertWaits(pair, promotion, { code: 'E_APPROVALS_MISSING', have: 1 });
  });

  test('each is news of its promotion, by whom wrote it, and nothing of it is in the ledger', async () => {
    const news = await pair.query<{ actor: string; lines: string[] }>(
      'gate',
      `select actor, lines from notification where thread = $1 and type = 'promotion.asked' order by occurred_at`,
      [promotion],
    );
    assert.deepEqual(
      news.map(({ actor, lines }) => [actor, lines]),
      [
        ['mira', ['Why <b>now</b>?']],
        ['dana', ['The sale begins.']],
      ],
    );
    const entries = await pair.query(
      'gate',
      `select 1 from ledger_entry where convert_from(body, 'UTF8') like '%The sale begins%'`,
    );
    assert.deepEqual(entries, []);
  });

  test('what cannot be written is refused with what to do, and nothing is written', async () => {
    const before = await written();
    const cases: readonly (readonly [args: readonly string[], status: number, words: RegExp])[] = [
      [[promotion, ''], 2, /1 to 1000 characters, and this has 0/],
      [[promotion, 'x'.repeat(1001)], 2, /this has 1001/],
      [[promotion, 'a\u001b[2Jb'], 1, /text: holds control characters/],
      [['prm_0000000000', 'Is it there?'], 1, /There is no such promotion/],
      [['main', 'Is it there?'], 2, /ids look like prm_7k2q9x0d1f/],
    ];
    for (const [args, status, words] of cases) {
      const refused = await shell.airlock('ask', ...args);
      assert.equal(refused.status, status, refused.text);
      assert.match(refused.text, words);
    }
    assert.deepEqual(await written(), before);
  });

  test('a promotion that has ended takes no question, and its questions stay', async () => {
    const before = await written();
    await discard(pair, promotion);
    const { status, text } = await shell.airlock('ask', promotion, 'And now?');
    assert.equal(status, 6);
    assert.match(text, /rejected: questions and answers are written until it has ended/);
    assert.deepEqual(await written(), before);
  });
});
