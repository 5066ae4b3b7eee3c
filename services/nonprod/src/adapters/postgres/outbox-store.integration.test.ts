import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import type { OutboxContent } from '../../domain/outbox-chain.ts';
import { outboxItemHash } from '../../domain/outbox-chain.ts';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import { artifact, candidate, envelope, newId, passedRun } from '../../testing/fixtures.ts';
import { createCandidateStore } from './candidate-store.ts';
import { createOutboxReader, createStatusStore } from './outbox-reader.ts';
import { createPublishStore } from './outbox-store.ts';
import { createPageQueries } from './page-queries.ts';
import { createPromotionRequestStore } from './promotion-request-store.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
});
after(() => database.close());

const requester = { id: 'dana@demo.example', idp: 'https://idp.example', name: 'Dana' };

async function ask(candidateId: string, target: string): Promise<string> {
  const requests = createPromotionRequestStore(database.as('nonprod_web'));
  const { id } = await requests.ask({
    id: newId('prq'),
    candidateId,
    target,
    reason: 'why',
    requester,
  });
  return id;
}

function content(id: string): OutboxContent {
  return {
    id,
    createdAt: '2026-11-22T10:00:00Z',
    bundle: { digest: 'cd'.repeat(32), size: 10 },
    artifact: { digest: artifact.digest, size: artifact.size },
    claimedTarget: 'prod',
  };
}

test('many publishers at once leave a chain without gap or fork', async () => {
  const id = await candidate(database);
  const requests = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(id, `target-${n}`)));
  const store = createPublishStore(database.as('nonprod_scheduler'));
  // Every request twice, as two schedulers would.
  const items = await Promise.all(
    [...requests, ...requests].map((request) =>
      store.publish({ id: request, envelope: envelope('request') }, content(request)),
    ),
  );
  assert.equal(items.filter((item) => item !== null).length, 20);

  const reader = createOutboxReader(database.as('nonprod_outbox'));
  const first = await reader.page(0, 16);
  const second = await reader.page(16, 16);
  assert.equal(first.items.length, 16);
  assert.equal(first.head, 20);
  const chain = [...first.items, ...second.items];
  let previous = '0'.repeat(64);
  for (const [index, item] of chain.entries()) {
    const { hash, ...rest } = item;
    assert.equal(item.seq, index + 1);
    assert.equal(item.prevHash, previous);
    assert.equal(outboxItemHash(rest), hash);
    previous = hash;
  }
  assert.equal(await reader.names('cd'.repeat(32)), true);
  assert.equal(await reader.names(artifact.digest), true);
  assert.equal(await reader.names('00'.repeat(32)), false);
});

test('asking twice for the same gives the same request, until it ended at the gate', async () => {
  const id = await candidate(database);
  const [one, two] = await Promise.all([ask(id, 'prod'), ask(id, 'prod')]);
  assert.equal(one, two);
  const statuses = createStatusStore(database.as('nonprod_outbox'));
  const report = {
    id: one,
    state: 'rejected' as const,
    text: 'mira rejected it',
    codes: [],
    promotion: null,
    page: null,
    at: '2026-11-22T10:00:00Z',
  };
  await statuses.record([report]);
  assert.notEqual(await ask(id, 'prod'), one);
});

test('a late status does not replace a newer one, and one for nobody’s request is dropped', async () => {
  const id = await ask(await candidate(database), 'prod');
  const statuses = createStatusStore(database.as('nonprod_outbox'));
  const pages = createPageQueries(database.as('nonprod_web'));
  assert.equal(await pages.gateSeenAt(), null);
  await statuses.gateSeen();
  const base = { codes: ['x'], promotion: 'prm_0000000000', page: 'https://gate.example/p' };
  await statuses.record([
    { ...base, id, state: 'live', text: 'Live.', at: '2026-11-22T10:00:02Z' },
    { ...base, id, state: 'waiting', text: 'Waits.', at: '2026-11-22T10:00:01.500Z' },
    { ...base, id: 'prq_zzzzzzzzzz', state: 'live', text: 'x', at: '2026-11-22T10:00:02Z' },
  ]);
  const promotion = await pages.promotion(id);
  assert.equal(promotion?.status?.state, 'live');
  assert.deepEqual(promotion.status.codes, ['x']);
  assert.equal(await pages.promotion('prq_zzzzzzzzzz'), null);
  assert.ok((await pages.gateSeenAt()) !== null);
});

test('two candidates signed at once get different release names', async () => {
  const runs = [await passedRun(database), await passedRun(database)];
  const store = createCandidateStore(database.as('nonprod_scheduler'));
  const wanted = await store.wanted(16);
  assert.deepEqual(
    wanted.map(({ runId }) => runId),
    runs.map((run) => run.id),
  );
  const results = await Promise.all(
    runs.map((run) =>
      store.record({
        id: newId('cand'),
        runId: run.id,
        builder: 'main',
        version: null,
        day: '2027.01.01',
        artifact,
        targets: [],
        provenance: envelope('p'),
        provenancePayloadDigest: 'cd'.repeat(32),
        testResult: envelope('t'),
      }),
    ),
  );
  const names = results.map((result) => (result.recorded ? result.release : null)).sort();
  assert.deepEqual(names, ['2027.01.01-1', '2027.01.01-2']);
  assert.deepEqual(await store.wanted(16), []);
});

const forbidden: [role: 'nonprod_web' | 'nonprod_outbox' | 'nonprod_scheduler', sql: string][] = [
  ['nonprod_web', "insert into outbox_item select 1, 'x', '', '', '', '', 0, '', 0, ''"],
  ['nonprod_web', "insert into candidate (id, run_id, builder) values ('x', 'x', 'main')"],
  ['nonprod_web', "update promotion_request set state = 'published'"],
  ['nonprod_web', "update promotion_status set state = 'live'"],
  ['nonprod_outbox', "update outbox_item set hash = 'x'"],
  ['nonprod_outbox', 'delete from outbox_item'],
  ['nonprod_outbox', 'select * from web_session'],
  ['nonprod_outbox', 'select requester_id from promotion_request'],
  ['nonprod_scheduler', "update outbox_item set hash = 'x'"],
  ['nonprod_scheduler', 'delete from outbox_item'],
  ['nonprod_scheduler', 'select * from web_session'],
  ['nonprod_scheduler', "insert into promotion_request (id) values ('x')"],
];
for (const [role, sql] of forbidden) {
  test(`${role} has no right to: ${sql.slice(0, 60)}`, async () => {
    await assert.rejects(database.as(role).$executeRawUnsafe(sql), /permission denied|42501/);
  });
}
