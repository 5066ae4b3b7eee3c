/** Schedules by a clock of the test's, and runs by hand, on a real database. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testPostgres } from '@airlock/testkit/stack';
import { createHeadStore } from '../adapters/postgres/head-store.ts';
import { createRepositoryStore } from '../adapters/postgres/repository-store.ts';
import { createRunRequests } from '../adapters/postgres/run-request-queue.ts';
import { createScheduleQueue, createScheduleStore } from '../adapters/postgres/schedule-store.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId, repository, startRun } from '../testing/fixtures.ts';
import { createFireSchedules, nextTime } from './fire-schedules.ts';
import { createStartRun } from './start-run.ts';

let database: TestDatabase;
let commit: string;
before(async () => {
  database = await testDatabase(await testPostgres());
  ({ commit } = await startRun(database));
});
after(() => database.close());

const { name } = repository;

/** One schedule that was set at `since`, and how it fires at a time. */
async function schedule(since: string, change: { threshold?: number; zone?: string } = {}) {
  const owner = database.as('owner');
  await owner.schedule.deleteMany();
  await owner.runRequest.deleteMany();
  await createScheduleStore(database.as('nonprod_web')).set(
    {
      ...{ repository: name, name: 'nightly', pattern: '30 2 * * *', branch: 'main' },
      ...{ timeZone: change.zone ?? 'UTC', thresholdSeconds: change.threshold ?? 0 },
    },
    'dana@demo.example',
  );
  await owner.schedule.updateMany({ data: { firedFor: new Date(since) } });
  const fired: string[] = [];
  return async (now: string): Promise<number> => {
    await createFireSchedules({
      schedules: createScheduleQueue(database.as('nonprod_scheduler')),
      clock: () => new Date(now),
      newId,
      onFired: (which) => fired.push(which),
    })();
    assert.equal(fired.length, await owner.runRequest.count());
    return fired.length;
  };
}

test('a schedule asks for one run when its time has come, not before and not again', async () => {
  const at = await schedule('2026-11-22T00:00:00Z');
  assert.equal(await at('2026-11-22T02:29:59Z'), 0);
  assert.equal(await at('2026-11-22T02:30:00Z'), 1);
  assert.equal(await at('2026-11-22T02:30:05Z'), 1);
  assert.equal(await at('2026-11-23T02:30:01Z'), 2);
  const [first] = await database.as('owner').runRequest.findMany();
  assert.deepEqual([first?.event, first?.cron, first?.ref], ['cron', 'nightly', 'refs/heads/main']);
});

test('what was missed in a week without a scheduler is made up for once', async () => {
  const at = await schedule('2026-11-01T00:00:00Z');
  assert.equal(await at('2026-11-08T12:00:00Z'), 1);
  assert.equal(await at('2026-11-08T12:00:10Z'), 1);
});

test('the time is the wall clock of the schedule’s zone, summer and winter', () => {
  const next = (after: string) =>
    nextTime('30 9 * * *', 'Europe/Berlin', new Date(after))?.toISOString();
  assert.equal(next('2026-07-01T00:00:00Z'), '2026-07-01T07:30:00.000Z');
  assert.equal(next('2026-12-01T00:00:00Z'), '2026-12-01T08:30:00.000Z');
});

test('a branch that was built within the threshold is left alone this time', async () => {
  const now = new Date();
  const due = new Date(now.getTime() + 24 * 3600_000).toISOString();
  const at = await schedule(now.toISOString(), { threshold: 48 * 3600 });
  assert.equal(await at(due), 0);
  const row = await database.as('owner').schedule.findFirstOrThrow();
  assert.match(row.lastOutcome ?? '', /^skipped: built \d+ s before$/);
});

test('of two schedulers at the same moment one asks', async () => {
  const at = await schedule('2026-11-22T00:00:00Z');
  const queue = createScheduleQueue(database.as('nonprod_scheduler'));
  const [due] = await queue.active();
  assert.ok(due);
  const now = new Date('2026-11-22T02:31:00Z');
  assert.equal(await queue.fire(due, now, 'first', null), true);
  assert.equal(await queue.fire(due, now, 'second', null), false);
  assert.equal(await at('2026-11-22T02:32:00Z'), 0);
});

test('what is no time, or of no zone, never comes', () => {
  const now = new Date();
  for (const pattern of ['', '* * * *', '* * * * * *', '61 * * * *', '@hourly', '$(id)']) {
    assert.equal(nextTime(pattern, 'UTC', now), null, pattern);
  }
  assert.equal(nextTime('* * * * *', 'Mars/Olympus', now), null);
});

const form = 'fields:\n  REGION: { type: choice, options: [eu, us], required: true }\n';

function start(answers: Record<string, string>, ref = 'refs/heads/main', file = form) {
  const db = database.as('nonprod_web');
  return createStartRun({
    repositories: createRepositoryStore(db),
    requests: createRunRequests(db),
    launchFile: (_repository, at) => Promise.resolve(at === commit ? file : null),
    bell: { ring: () => undefined },
    newId,
  })({ repository: name, ref, answers }, 'dana@demo.example');
}

test('a run by hand is asked for at the commit whose form was filled in', async () => {
  const answer = await start({ REGION: 'eu' });
  assert.equal(answer.kind, 'asked');
  const row = await database.as('owner').runRequest.findUniqueOrThrow({ where: { id: answer.id } });
  assert.deepEqual(
    [row.commit, row.variables, row.askedBy, row.event],
    [commit, { REGION: 'eu' }, 'dana@demo.example', 'manual'],
  );
});

test('an answer that the form does not allow starts nothing, and neither does an unknown ref', async () => {
  const before = await database.as('owner').runRequest.count();
  assert.deepEqual(await start({ REGION: 'eu; id' }), {
    kind: 'refused',
    reasons: ['REGION: expected one of eu, us'],
  });
  assert.equal((await start({ REGION: 'eu' }, 'refs/heads/none')).kind, 'not-found');
  assert.equal((await start({ REGION: 'eu' }, 'refs/heads/main', 'fields: []')).kind, 'refused');
  assert.equal(await database.as('owner').runRequest.count(), before);
});

test('the marker of seen tags is no ref that could be run', async () => {
  await createHeadStore(database.as('nonprod_scheduler')).advance(
    name,
    { ref: 'refs/tags', commit: '' },
    null,
  );
  assert.equal((await start({}, 'refs/tags')).kind, 'not-found');
});
