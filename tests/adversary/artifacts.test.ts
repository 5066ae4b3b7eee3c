/**
 * Attacks with the artifact itself and with the list that names it: bytes exchanged after the approvals, archives that would
 * be unpacked elsewhere, container manifests with two meanings, and an outbox that floods the gate.
 */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bundleOf, sha256 } from '@airlock/cli/drills/forgery';
import { z } from 'zod';
import { tarOf } from '@airlock/artifacts/testing/tar-builder';
import { approveAs, lookAtProduction, until, waitForEnd } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import { attackerOn, type Judgement } from '../support/attacker.ts';
import { gitIn } from '../support/git.ts';
import { withLyingOutbox, type ListLie } from '../support/lying-outbox.ts';
import { runningPair } from '../support/pair.ts';
import { withoutDelivery } from '../support/production.ts';
import { waitingPromotion } from '../support/promotion.ts';

const gateBlob = (pair: Pair, digest: string): string =>
  join(pair.layout.artifacts, 'gate', 'blobs', 'sha256', digest);

test('an artifact exchanged in the gate’s store after the approvals is not delivered, and no credential is asked for: E_TOCTOU_DIGEST', async () => {
  const pair = await runningPair();
  const promotion = await waitingPromotion(pair);
  const [row] = await pair.query<{ digest: string }>(
    'gate',
    'select artifact_digest as digest from promotion where id = $1',
    [promotion],
  );
  assert.ok(row);
  const blob = gateBlob(pair, row.digest);
  const genuine = readFileSync(blob);
  const counted = async (): Promise<unknown> => [
    await lookAtProduction(pair),
    await pair.query(
      'gate',
      `select (select count(*) from minted_login)::int as logins, (select count(*) from vault_session)::int as sessions`,
    ),
  ];
  const before = await counted();
  await approveAs(pair, 'leo', promotion);
  try {
    chmodSync(blob, 0o644);
    writeFileSync(blob, tarOf({ name: 'products.json', content: '[]' }));
    await approveAs(pair, 'mira', promotion);
    assert.equal((await waitForEnd(pair, promotion)).state, 'failed');
  } finally {
    writeFileSync(blob, genuine);
    chmodSync(blob, 0o444);
  }
  const [ended] = await pair.query<{ reason: string }>(
    'gate',
    'select state_reason as reason from promotion where id = $1',
    [promotion],
  );
  assert.match(ended?.reason ?? '', /^E_TOCTOU_DIGEST: .*production unchanged$/);
  assert.deepEqual(await counted(), before);
});

const layer = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: `sha256:${'a'.repeat(64)}`,
  size: 1,
};
const foreignLayer = { ...layer, urls: ['https://evil.example/layer'] };
const manifest = { schemaVersion: 2, config: layer, layers: [layer] };
const refused: [code: string, claim: string, artifact: Buffer][] = [
  [
    'E_ARCHIVE_PATH',
    'an archive with a name that leads out of it',
    gzipSync(tarOf({ name: '../../etc/cron.d/airlock', content: 'evil' })),
  ],
  [
    'E_ARCHIVE_PATH',
    'an archive with a link and a file through it',
    gzipSync(
      tarOf({ name: 'out', type: '2', link: '/etc' }, { name: 'out/passwd', content: 'evil' }),
    ),
  ],
  [
    'E_OCI_MEDIATYPE',
    'a container manifest that is an index, too (CVE-2021-41190)',
    Buffer.from(JSON.stringify({ ...manifest, manifests: [layer] })),
  ],
  [
    'E_OCI_URLS',
    'a container manifest with a layer from elsewhere',
    Buffer.from(JSON.stringify({ ...manifest, layers: [foreignLayer] })),
  ],
];
for (const [code, claim, artifact] of refused) {
  test(`${claim} is refused before anybody is asked, and not kept: ${code}`, async () => {
    const pair = await runningPair();
    const attacker = await attackerOn(pair);
    const judgement = await withoutDelivery(pair, async (): Promise<Judgement> => {
      const commit = await gitIn(pair, 'rev-parse', 'refs/heads/main');
      const bundle = bundleOf(await attacker.envelopes({ commit, artifact }));
      return attacker.offer({ bundle, artifact });
    });
    assert.deepEqual(
      [judgement.outcome, judgement.code],
      ['refused', code],
      judgement.detail ?? '',
    );
    assert.throws(() => readFileSync(gateBlob(pair, sha256(artifact))), { code: 'ENOENT' });
  });
}

const floods: [claim: string, lie: ListLie][] = [
  [
    'seventeen items where sixteen were asked for',
    (genuine) => {
      // Whatever the items are: they are counted before they are looked at.
      const page = z.looseObject({}).parse(JSON.parse(genuine));
      return JSON.stringify({ ...page, items: Array(17).fill({}) });
    },
  ],
  ['ten thousand items', () => JSON.stringify({ items: Array(10_000).fill(0), head: 10_000 })],
  [
    'a list without end',
    async function* () {
      yield '{"items":[';
      for (;;) yield await Promise.resolve(' '.repeat(64 * 1024));
    },
  ],
];
for (const [claim, lie] of floods) {
  test(`an outbox that answers ${claim} raises an alarm and brings nothing in: E_OUTBOX_LIMIT`, async () => {
    const pair = await runningPair();
    const attacker = await attackerOn(pair);
    const log = join(pair.layout.logs, 'gate-intake.log');
    const alarms = (): number => readFileSync(log, 'utf8').split('E_OUTBOX_LIMIT').length;
    const judged = async (): Promise<unknown> =>
      pair.query('gate', 'select count(*)::int as items from intake_item');
    const before = { alarms: alarms(), judged: await judged() };
    await withoutDelivery(pair, () =>
      withLyingOutbox(
        pair,
        attacker,
        new Map(),
        () => until('the alarm', 20, () => Promise.resolve(alarms() > before.alarms ? true : null)),
        lie,
      ),
    );
    assert.deepEqual(await judged(), before.judged);
    // The honest outbox is back: what is asked for now is taken in.
    assert.match(await waitingPromotion(pair), /^prm_/);
  });
}
