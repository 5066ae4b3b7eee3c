import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import { testDatabase, type TestDatabase } from '../../testing/database.ts';
import { newRun } from '../../testing/fixtures.ts';
import { createFigureReader } from './figure-reader.ts';
import { createHeadStore } from './head-store.ts';

let database: TestDatabase;
before(async () => {
  database = await testDatabase(await testPostgres());
});
after(() => database.close());

async function figure(name: string): Promise<Map<string, number>> {
  const figures = await createFigureReader(database.as('nonprod_web'))();
  const found = figures.find((each) => each.name === name);
  assert.ok(found !== undefined && found.type !== 'histogram', name);
  return new Map(found.rows.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
}

async function repository(name: string, fields: { createdAt?: Date; private?: boolean } = {}) {
  await createHeadStore(database.as('nonprod_scheduler')).ensureRepository({ name, url: name });
  await database.as('owner').repository.update({ where: { name }, data: fields });
}

async function run(name: string, state: string, pool = 'figures') {
  const made = newRun({ repository: name, pool });
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  await heads.advance(name, { ref: made.ref, commit: made.commit }, made);
  await database.as('owner').run.update({ where: { id: made.id }, data: { state } });
  return made;
}

test('finished runs are counted by repository and end; private repositories, and those after a hundred, have no name', async () => {
  await repository('figures/open', { createdAt: new Date('2020-01-01') });
  await repository('figures/hidden', { private: true });
  for (const state of ['passed', 'passed', 'failed', 'running']) await run('figures/open', state);
  await run('figures/hidden', 'passed');
  await database.as('owner').repository.createMany({
    data: Array.from({ length: 100 }, (_, index) => ({
      ...{ name: `figures/many-${index}`, url: 'x', cloneUrl: 'x' },
      createdAt: new Date('2021-01-01'),
    })),
  });
  await repository('figures/late', { createdAt: new Date('2100-01-01') });
  await run('figures/late', 'cancelled');
  assert.deepEqual(
    await figure('airlock_runs_total'),
    new Map([
      ['(others) cancelled', 1],
      ['(private) passed', 1],
      ['figures/open failed', 1],
      ['figures/open passed', 2],
    ]),
  );
});

test('a pool tells how many runners it wants, how many it has, and how long the job before all others waits', async () => {
  const owner = database.as('owner');
  await repository('figures/pools');
  for (const name of ['figures-a', 'figures-b']) {
    await owner.pool.create({
      data: {
        ...{ name, trust: 0, isolation: 'bubblewrap', once: false, everyone: true },
        ...{ images: [], labels: [] },
      },
    });
  }
  for (const state of ['queued', 'leased', 'waiting', 'held']) {
    const { jobs: made, id } = await run('figures/pools', 'queued', 'figures-a');
    const seconds = state === 'queued' ? 600 : 9000;
    const at = new Date(Date.now() - seconds * 1000);
    await owner.run.update({ where: { id }, data: { admittedAt: at } });
    await owner.job.update({ where: { id: made[0]?.id ?? '' }, data: { state, createdAt: at } });
  }
  const now = Date.now();
  const seen = { online: now, silent: now - 200_000, draining: now };
  for (const [id, lastSeen] of Object.entries(seen)) {
    await owner.runner.create({
      data: {
        ...{ id: `figures-${id}`, pool: 'figures-a', kind: 'lasting' },
        ...{ state: id === 'draining' ? 'draining' : 'active' },
        ...{ stateAt: new Date(), enrolledAt: new Date(), lastSeenAt: new Date(lastSeen) },
      },
    });
  }
  const of = async (name: string) => {
    const rows = await figure(name);
    return [rows.get('figures-a'), rows.get('figures-b')];
  };
  assert.deepEqual(await of('airlock_pool_desired'), [2, 0]);
  assert.deepEqual(await of('airlock_runner_online'), [1, 0]);
  const [wait = 0, idle] = await of('airlock_queue_wait_seconds');
  assert.ok(wait >= 590 && wait < 700, String(wait));
  assert.equal(idle, 0);
});

test('the gate’s silence is told from the moment that it was heard, and not before', async () => {
  assert.deepEqual(await figure('airlock_outbox_poll_age_seconds'), new Map());
  await database
    .as('owner')
    .gateContact.create({ data: { seenAt: new Date(Date.now() - 90_000) } });
  const age = (await figure('airlock_outbox_poll_age_seconds')).get('') ?? 0;
  assert.ok(age >= 90 && age < 150, String(age));
});

test('how long jobs waited and runs took falls into the smallest bound that holds it', async () => {
  const owner = database.as('owner');
  await repository('figures/times');
  const began = new Date('2026-01-01T12:00:00Z');
  const later = (seconds: number): Date => new Date(began.getTime() + seconds * 1000);
  for (const [waited, took] of [
    [5, 15],
    [5.5, 4000],
    [700_000, 1],
  ] as const) {
    const { id, jobs } = await run('figures/times', 'cancelled', 'figures-times');
    await owner.run.update({
      where: { id },
      data: { admittedAt: began, startedAt: began, finishedAt: later(took) },
    });
    await owner.job.update({
      where: { id: jobs[0]?.id ?? '' },
      data: { createdAt: began, leasedAt: later(waited), finishedAt: later(waited + took) },
    });
  }
  const histogram = async (name: string, label: string) => {
    const read = await createFigureReader(database.as('nonprod_web'))();
    const found = read.find((each) => each.name === name);
    assert.ok(found?.type === 'histogram', name);
    return found.rows.find(({ labels }) => Object.values(labels).includes(label));
  };
  assert.deepEqual(await histogram('airlock_job_wait_seconds', 'figures-times'), {
    labels: { pool: 'figures-times' },
    atMost: [0, 1, 2, 2, 2, 2, 2, 2, 2, 2],
    ...{ count: 3, sumSeconds: 700_010.5 },
  });
  assert.deepEqual(await histogram('airlock_build_seconds', 'cancelled'), {
    labels: { result: 'cancelled' },
    atMost: [1, 1, 2, 2, 2, 2, 2, 3, 3, 3],
    ...{ count: 3, sumSeconds: 4016 },
  });
});
