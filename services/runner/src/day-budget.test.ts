import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { createDayBudget, type DayBudget, type DayLimits } from './day-budget.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-budget-'));
const file = join(directory, 'built-today.json');
after(() => {
  rmSync(directory, { recursive: true });
});
let clock: Date;
beforeEach(() => {
  clock = new Date('2026-11-22T10:00:00Z');
  rmSync(file, { force: true });
});

const limits: DayLimits = { builds: 5, minutes: 60, repository: { builds: 3, minutes: 20 } };
/** As a process that starts has it. */
const started = (changed: Partial<DayLimits> = {}): DayBudget =>
  createDayBudget(file, { ...limits, ...changed }, () => clock);
const passMinutes = (minutes: number): void => {
  clock = new Date(clock.getTime() + minutes * 60_000);
};
async function build(budget: DayBudget, repository: string, minutes: number): Promise<void> {
  const given = await budget.begin(repository);
  assert.ok('seconds' in given, JSON.stringify(given));
  passMinutes(minutes);
  await budget.end();
}
const refusal = async (budget: DayBudget, repository: string): Promise<string> => {
  const given = await budget.begin(repository);
  return 'refused' in given ? given.refused : assert.fail('it began');
};

test('a repository is built as often as its budget says, another one goes on, and a new process knows of it', async () => {
  for (let count = 0; count < 3; count += 1) await build(started(), 'a', 1);
  assert.match(
    await refusal(started(), 'a'),
    /gives one repository 3 builds a day.*budget\.repository/,
  );
  assert.equal(await started().spent(), null);
  await build(started(), 'b', 1);
  await build(started(), 'b', 1);
  assert.match((await started().spent()) ?? '', /everybody together 5 builds a day/);
  assert.match(await refusal(started(), 'c'), /everybody together 5 builds/);
});

test('a build may take no longer than is left of the minutes, and none begins when nothing is', async () => {
  await build(started(), 'a', 15);
  assert.deepEqual(await started().begin('a'), { seconds: 300 });
  passMinutes(5);
  await started().end();
  assert.match(await refusal(started(), 'a'), /one repository 20 minutes a day/);
  assert.deepEqual(await started().begin('b'), { seconds: 20 * 60 });
});

test('where no minutes are said for one repository it may have them all', async () => {
  const budget = started({ repository: { builds: 3 } });
  await build(budget, 'a', 45);
  assert.deepEqual(await budget.begin('a'), { seconds: 15 * 60 });
});

test('what a killed process was building counts up to the start of the next one, and no longer than it was given', async () => {
  await started().begin('a');
  passMinutes(10);
  await started().end();
  assert.deepEqual(await started().begin('a'), { seconds: 600 });
  passMinutes(600);
  assert.match(await refusal(started(), 'a'), /20 minutes/);
  assert.equal(await started().spent(), null);
});

test('a name is only counted, whatever it is', async () => {
  for (const name of ['__proto__', 'constructor', 'x'.repeat(5000)])
    await build(started(), name, 1);
  assert.ok('seconds' in (await started().begin('__proto__')));
});

test('the next day all is there again, and a clock that is put back brings nothing', async () => {
  for (let count = 0; count < 3; count += 1) await build(started(), 'a', 1);
  clock = new Date('2026-11-21T10:00:00Z');
  assert.match(await refusal(started(), 'a'), /3 builds/);
  clock = new Date('2026-11-23T00:00:01Z');
  await build(started(), 'a', 1);
});

test('a build across midnight counts on each side of it, and no longer than it was given', async () => {
  clock = new Date('2026-11-22T23:50:00Z');
  await build(started(), 'a', 15);
  assert.deepEqual(await started().begin('a'), { seconds: 15 * 60 });
  rmSync(file);
  clock = new Date('2026-11-22T23:50:00Z');
  await started().begin('a');
  clock = new Date('2026-11-23T09:00:00Z');
  assert.deepEqual(await started().begin('a'), { seconds: 10 * 60 });
});

test('made-up names of repositories are counted up to a number, and then no new one is built', async () => {
  const many = started({ builds: 10_000, minutes: 1440 });
  const spent = { builds: 1, seconds: 1 };
  const repositories = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [sha256Hex(Buffer.from(`r${index}`)), spent]),
  );
  const count = { day: '2026-11-22', all: spent, repositories, running: null };
  writeFileSync(file, JSON.stringify(count));
  assert.match(await refusal(many, 'another'), /at most 1000 repositories a day/);
  assert.ok('seconds' in (await many.begin('r7')));
});

test('a count that is damaged or cannot be kept builds nothing and says where it lies', async () => {
  writeFileSync(file, '{"day":"2026-11-22"');
  assert.match((await started().spent()) ?? '', /built-today\.json.*remove the file/);
  assert.match(await refusal(started(), 'a'), /remove the file/);
  assert.equal(readFileSync(file, 'utf8'), '{"day":"2026-11-22"');
  const nowhere = createDayBudget(join(directory, 'no', 'such'), limits, () => clock);
  assert.match(await refusal(nowhere, 'a'), /cannot be read or kept/);
});
