/** A server that was taken over, and what its runners give it in a day all the same. */
import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';

import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { pipelineOf, push, reasonsOf, runOf } from './build-door.ts';
import { asAccount, type Query } from './database-door.ts';
import { all, type Drill, type Way } from './drill.ts';
import { cancel } from './placement.ts';
import type { DrillTarget } from './target.ts';

const Spent = z.object({ builds: z.int(), seconds: z.number() });
/** As the runner keeps it. */
const Count = z.object({
  day: z.string(),
  all: Spent,
  repositories: z.record(z.string(), Spent),
  running: z.looseObject({}).nullable(),
});
type Count = z.infer<typeof Count>;

/** Of a runner’s limits none can be higher: where so many were built, the day is over. */
const mostBuilds = 100_000;
const secondsLeft = 4;
/** In which a runner asks many times. */
const lookedForMs = 5_000;

async function idle(file: string): Promise<Count> {
  const until = performance.now() + 60_000;
  while (performance.now() < until) {
    const count = Count.parse(JSON.parse(await readFile(file, 'utf8')));
    if (count.running === null) return count;
    await delay(100);
  }
  throw new Error('the runner has built for a minute, and its count cannot be changed meanwhile');
}

/** Works while the runner has counted something else, and puts back what it counted. */
async function having<T>(
  file: string,
  change: (count: Count) => Count,
  work: () => Promise<T>,
): Promise<T> {
  const before = await idle(file);
  const keep = async (count: Count): Promise<void> => {
    await writeFile(`${file}.drill`, JSON.stringify(count), { mode: 0o600 });
    await rename(`${file}.drill`, file);
  };
  try {
    await keep(change(before));
    return await work();
  } finally {
    await idle(file);
    await keep(before);
    await rm(`${file}.drill`, { force: true });
  }
}

const storm: Drill = {
  id: 'build-storm',
  controls: ['W7'],
  attacker: 'nonprod-admin',
  attack:
    'owns the server, lifts its budgets, and gives a runner whose day is over more builds, builds under another repository’s name, and one that takes longer than is left',
  async run(target) {
    const { superuser, accounts } = target.owned;
    const account = { ...superuser, database: accounts[0]?.database ?? '' };
    return asAccount(account, (query) => withoutBudget(target, query, () => tryAll(target, query)));
  },
};

/** As root on the server: what the budgets of nonprod allow is everything. */
async function withoutBudget<T>(
  { repository: { name } }: DrillTarget,
  query: Query,
  work: () => Promise<T>,
): Promise<T> {
  const [before] = await query(
    `select builds_a_day, minutes_a_day, set_by from budget where repository = $1 and trigger = 'push'`,
    [name],
  );
  await query(
    `insert into budget (repository, trigger, builds_a_day, minutes_a_day, set_by)
     values ($1, 'push', 1000000, 10000000, 'drill')
     on conflict (repository, trigger) do update set builds_a_day = 1000000, minutes_a_day = 10000000`,
    [name],
  );
  try {
    return await work();
  } finally {
    if (before === undefined) {
      await query(`delete from budget where repository = $1 and trigger = 'push'`, [name]);
    } else {
      await query(
        `update budget set builds_a_day = $2, minutes_a_day = $3, set_by = $4
         where repository = $1 and trigger = 'push'`,
        [name, before['builds_a_day'], before['minutes_a_day'], before['set_by']],
      );
    }
  }
}

async function tryAll(target: DrillTarget, query: Query) {
  const { file, minutes } = target.runnerDay;
  const { url, name } = target.repository;
  const build = (message: string, command = 'sh package.sh'): Promise<string> =>
    push(target, { message, files: { '.woodpecker.yaml': pipelineOf({ commands: [command] }) } });
  // From here on the runner has a count of this day.
  await runOf(target, await build('A storm begins'));
  const own = createHash('sha256').update(url).digest('hex');
  const ways: Way[] = [];

  const ofRepository = (count: Count): Count => ({
    ...count,
    repositories: { ...count.repositories, [own]: { builds: mostBuilds, seconds: 0 } },
  });
  await having(file, ofRepository, async () => {
    const run = await runOf(target, await build('A storm, of one repository'));
    const held =
      run.state === 'failed' && /^this runner gives one repository /.test(reasonsOf(run));
    ways.push({ way: 'more of a repository', held, answer: reasonsOf(run) || run.state });
  });

  const ofAll = (count: Count): Count => ({ ...count, all: { ...count.all, builds: mostBuilds } });
  await having(file, ofAll, async () => {
    await query('update repository set url = $2 where name = $1', [name, `${url}-made-up`]);
    try {
      const commit = await build('A storm, under another name');
      await runOf(target, commit, ({ jobs, state }) => jobs.length > 0 || state === 'failed');
      await delay(lookedForMs);
      const run = await runOf(target, commit, () => true);
      const waits = run.state === 'queued' && run.jobs.every(({ state }) => state === 'queued');
      // Whoever asked for work before the day was over is given it, and does none.
      const refused =
        run.state === 'failed' && /^this runner gives everybody /.test(reasonsOf(run));
      const held = waits || refused;
      const answer = waits ? 'no runner asks for it' : reasonsOf(run) || run.state;
      ways.push({ way: 'another repository’s name', held, answer });
      await cancel(target, run);
    } finally {
      await query('update repository set url = $2 where name = $1', [name, url]);
    }
  });

  const ofTime = (count: Count): Count => ({
    ...count,
    all: { ...count.all, seconds: minutes * 60 - secondsLeft },
  });
  await having(file, ofTime, async () => {
    const run = await runOf(target, await build('A storm, longer than is left', 'sleep 20'));
    const said = reasonsOf(run);
    const given = Number(/all steps together may take (\d+(?:\.\d+)?) s/.exec(said)?.[1]);
    const held = run.state === 'failed' && given <= secondsLeft;
    ways.push({ way: 'one that takes longer', held, answer: said || run.state });
  });

  // Otherwise a runner that builds nothing at all would look like one that keeps to its day.
  const after = await runOf(target, await build('The storm is over'));
  ways.push({ way: 'with its day back', held: after.state === 'passed', answer: after.state });
  return all(ways);
}

export const buildStormDrills: readonly Drill[] = [storm];
