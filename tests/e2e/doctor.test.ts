/** `airlock doctor` on the running pair: nothing fails on it as it is, and each thing that somebody loosens is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examine } from '@airlock/cli/doctor';
import { inventory } from '@airlock/cli/inventory/inventory';
import { readInstallation, type Finding } from '@airlock/cli/doctor/installation';
import type { Pair } from '@airlock/demo/pair';
import { runningPair } from '../support/pair.ts';

const hardening = ['least-priv', 'pg-hba', 'admins', 'bind', 'tls', 'headers', 'private-files'];

async function look(pair: Pair, ids: readonly string[]): Promise<readonly Finding[]> {
  return examine(await readInstallation(pair.layout.config), ids);
}

async function failing(pair: Pair, id: string): Promise<string> {
  const [finding] = await look(pair, [id]);
  assert.equal(finding?.status, 'fail', finding?.summary);
  assert.ok(finding.howToFix, 'a finding says how to mend it');
  return finding.summary;
}

test('V4, V6, V25, B4, B36, B46, B68: the pair as it is passes every check of hardening', async () => {
  const pair = await runningPair();
  for (const { id, status, summary } of await look(pair, hardening)) {
    assert.equal(status, 'pass', `${id}: ${summary}`);
  }
});

test('J13: nothing that leads into production lies open in the pair as it is', async () => {
  const pair = await runningPair();
  const jewels = await inventory(await readInstallation(pair.layout.config));
  for (const { path, faults } of jewels) assert.deepEqual(faults, [], path);
  const [first] = jewels.filter(({ kind }) => kind === 'secret');
  assert.deepEqual(first?.namedBy, ['gate-authority keyFile']);
});

test('J3: the two services of the pair share nothing but this host', async () => {
  const [finding] = await look(await runningPair(), ['split']);
  assert.equal(finding?.summary, 'nonprod and the gate run on one host');
});

test('B46: a process that could make databases, or owns a table, is found by its role', async () => {
  const pair = await runningPair();
  await pair.query('gate', 'alter role gate_web createdb');
  try {
    assert.match(await failing(pair, 'least-priv'), /^gate_web of .*: createdb$/);
  } finally {
    await pair.query('gate', 'alter role gate_web nocreatedb');
  }
  await pair.query(
    'gate',
    'create table left_open (id int); alter table left_open owner to gate_intake',
  );
  try {
    assert.match(await failing(pair, 'least-priv'), /^gate_intake of .*: owns tables$/);
  } finally {
    await pair.query('gate', 'drop table left_open');
  }
});

test('V6: more administrators than three are counted', async () => {
  const pair = await runningPair();
  await pair.query(
    'nonprod',
    `insert into person (id, idp, name, groups, seen_at)
     select 'many-' || n, 'idp', 'Many', array['platform'], now() from generate_series(1, 4) n`,
  );
  try {
    assert.match(
      await failing(pair, 'admins'),
      /people have the platform role at nonprod, more than 3/,
    );
  } finally {
    await pair.query('nonprod', `delete from person where id like 'many-%'`);
  }
});
