import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { openDatabase, type GateDatabase } from './client.ts';
import { createFigureReader } from './figure-reader.ts';

let gate: TestGateDatabase;
let web: GateDatabase;
before(async () => {
  gate = await createGateDatabase();
  web = openDatabase(gate.settings('gate_web'));
});
after(async () => {
  await web.close();
  await gate.dispose();
});

async function figures(): Promise<Map<string, number>> {
  const read = await createFigureReader(web)();
  return new Map(
    read.flatMap((each) =>
      each.type === 'histogram'
        ? []
        : each.rows.map(
            ({ labels, value }) =>
              [[each.name, ...Object.values(labels)].join(' '), value] as const,
          ),
    ),
  );
}

test('a gate at which nothing happened counts nothing, and claims no age of what there is not', async () => {
  assert.deepEqual(
    await figures(),
    new Map([
      ['airlock_vault_leases_active', 0],
      ['airlock_vault_revoke_failures_total', 0],
      ['airlock_ledger_entries', 0],
    ]),
  );
});

test('deliveries, credentials that are still out, failed revocations, the ledger and intake are counted', async () => {
  // Rows of several tables without all that they hang on in a running gate.
  await gate.asOwner(`
    begin;
    set local session_replication_role = replica;
    insert into delivery (id, promotion_id, target, state, step, fence, owner, heartbeat_at, intent_digest)
      select 'dlv_' || number, 'prm_' || number, target, state, 'x', 1, 'me', now(), 'x' from (values
        (1, 'eu', 'succeeded'), (2, 'eu', 'succeeded'), (3, 'eu', 'failed'), (4, 'us', 'running')) d(number, target, state);
    insert into vault_session (id, delivery_id, target, fence, state, jwt_mount, jwt_expires_at, deadline, attempts)
      values ('vse_1', 'dlv_1', 'eu', 1, 'LEASED', 'jwt', now(), now(), 2), ('vse_2', 'dlv_2', 'us', 1, 'LEASED', 'jwt', now(), now(), 3);
    insert into vault_credential (session_id, name, place, kind, path, ending, issued_at, dies_at, gone_at) values
      ('vse_1', 'out', 1, 'database', 'x', 'revocable', now(), null, null),
      ('vse_1', 'short', 2, 'database', 'x', 'revocable', now(), now() + interval '1 hour', null),
      ('vse_1', 'gone', 3, 'database', 'x', 'revocable', now(), null, now()),
      ('vse_1', 'dead', 4, 'database', 'x', 'revocable', now(), now() - interval '1 hour', null),
      ('vse_1', 'asked', 5, 'database', 'x', 'revocable', null, null, null);
    insert into ledger_entry (idx, body, leaf_hash, type, subject_digest)
      select idx, body, sha256('\\x00'::bytea || body), 'x', 'x' from (values (0, 'a'::bytea), (1, 'b')) e(idx, body);
    insert into ledger_checkpoint (size, root, note, signed_at) select size, sha256('a'), 'x', now() - make_interval(hours => 3 - size) from (values (1), (2)) c(size);
    insert into outbox_cursor (source, seq, item_hash, polled_at) values ('nonprod', 0, 'x', now() - interval '5 minutes');
    commit`);
  const seen = await figures();
  const age = seen.get('airlock_ledger_checkpoint_age_seconds') ?? 0;
  const poll = seen.get('airlock_outbox_poll_age_seconds') ?? 0;
  assert.ok(age >= 3600 && age < 3700, String(age));
  assert.ok(poll >= 300 && poll < 400, String(poll));
  seen.delete('airlock_ledger_checkpoint_age_seconds');
  seen.delete('airlock_outbox_poll_age_seconds');
  assert.deepEqual(
    seen,
    new Map([
      ['airlock_deliveries_total eu failed', 1],
      ['airlock_deliveries_total eu succeeded', 2],
      ['airlock_vault_leases_active', 2],
      ['airlock_vault_revoke_failures_total', 5],
      ['airlock_ledger_entries', 2],
    ]),
  );
});

test('how long deliveries took is counted by target', async () => {
  await gate.asOwner(`
    begin;
    set local session_replication_role = replica;
    insert into delivery (id, promotion_id, target, state, step, fence, owner, heartbeat_at, intent_digest, started_at, finished_at)
      select 'dlv_t' || number, 'prm_t' || number, 'asia', state, 'x', 1, 'me', now(), 'x', now(), now() + make_interval(secs => seconds)
      from (values (1, 'succeeded', 60), (2, 'failed', 61), (3, 'running', 9)) d(number, state, seconds);
    commit`);
  const read = await createFigureReader(web)();
  const found = read.find(({ name }) => name === 'airlock_delivery_seconds');
  assert.ok(found?.type === 'histogram');
  assert.deepEqual(
    found.rows.filter(({ labels }) => labels['target'] === 'asia'),
    [
      {
        labels: { target: 'asia' },
        atMost: [0, 0, 0, 1, 2, 2, 2, 2, 2, 2],
        ...{ count: 2, sumSeconds: 121 },
      },
    ],
  );
});
