/** What somebody may have of the machines that all share, and whether asking for more is answered by less. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { signedIn } from '../signed-in.ts';
import { sessionWithToken, type WebSession } from '../web-session.ts';
import { pipelineOf, push, reasonsOf, runOf, type RunSeen } from './build-door.ts';
import { all, mayNot, type Drill, type Way } from './drill.ts';
import type { DrillTarget } from './target.ts';

const Amount = z.object({ buildsADay: z.int(), minutesADay: z.int() });
type Amount = z.infer<typeof Amount>;
const Budgets = z.object({
  budgets: z.array(
    Amount.extend({
      trigger: z.enum(['push', 'pull_request', 'cron', 'manual']),
      used: z.object({ builds: z.int(), minutes: z.int() }),
    }),
  ),
});
type Trigger = 'push' | 'manual';
const Asked = z.looseObject({ id: z.string() });
const Made = z.object({ id: z.string(), token: z.string() });

/** What is left to the attacker of the day. */
const left = 2;
const asked = 6;

async function budgetOf(target: DrillTarget, trigger: Trigger) {
  const oke = await signedIn(target.nonprod, 'oke');
  const { name } = target.repository;
  const { budgets } = Budgets.parse(
    await oke.getJson(`/api/v1/budgets?repository=${encodeURIComponent(name)}`),
  );
  const found = budgets.find((each) => each.trigger === trigger);
  if (found === undefined) throw new Error(`${name} has no budget of ${trigger}`);
  return found;
}

const raised = (
  as: WebSession,
  target: DrillTarget,
  trigger: Trigger,
  { buildsADay, minutesADay }: Amount,
): Promise<unknown> =>
  as.putJson('/api/v1/budgets', {
    ...{ repository: target.repository.name, trigger, buildsADay, minutesADay },
  });

/** Works while that budget is another, and puts it back whatever comes of it. */
async function withBudget<T>(
  target: DrillTarget,
  trigger: Trigger,
  change: (used: { readonly builds: number; readonly minutes: number }) => Partial<Amount>,
  work: () => Promise<T>,
): Promise<T> {
  const before = await budgetOf(target, trigger);
  const oke = await signedIn(target.nonprod, 'oke');
  await raised(oke, target, trigger, { ...before, ...change(before.used) });
  try {
    return await work();
  } finally {
    await raised(oke, target, trigger, before);
  }
}

const attempts: readonly number[] = Array.from({ length: asked }, (_, index) => index);
const isRefused = (run: RunSeen, why: RegExp): boolean =>
  run.state === 'failed' && run.jobs.length === 0 && why.test(run.reason ?? '');

/** It held when as many were built as were left, and the others were told why not. */
function counted(way: string, runs: readonly RunSeen[], why: RegExp): Way {
  const refused = runs.filter((run) => isRefused(run, why));
  const built = runs.filter(({ state }) => state === 'passed');
  const held = built.length === left && refused.length === runs.length - left;
  const others = runs.filter((run) => !refused.includes(run) && !built.includes(run));
  const answer = `of ${runs.length} ${built.length} built, ${refused.length} refused`;
  return { way, held, answer: [answer, ...others.map(reasonsOf)].join('; ') };
}

const ofBuilds = (trigger: Trigger): RegExp =>
  new RegExp(
    `^Not built: \\d+ builds of .* by ${trigger} were started today, and \\d+ are allowed\\.`,
  );
const ofMinutes = /^Not built: builds of .* by push took \d+ minutes today, and \d+ are allowed\./;

const quick = {
  '.woodpecker.yaml': pipelineOf({ commands: ['sh package.sh'] }).replace(
    '"pull_request"',
    '"manual"',
  ),
};

const budget: Drill = {
  id: 'budget',
  controls: ['B26', 'W7'],
  attacker: 'committer',
  attack:
    'starts more builds in a day than a repository has left, one by one and all at once, asks for a refused one again, and raises the budget itself',
  async run(target) {
    const dana = await signedIn(target.nonprod, 'dana');
    const ref = `refs/heads/drill-budget-${randomBytes(4).toString('hex')}`;
    // Before anything is short: what is started by hand has to be known.
    await runOf(target, await push(target, { ref, files: quick }));
    const someLeft = ({ builds }: { readonly builds: number }) => ({ buildsADay: builds + left });
    const ways = await withBudget(target, 'push', someLeft, async () => {
      const commits: string[] = [];
      for (const each of attempts) {
        // Two that say the same in one second are one commit.
        const message = `A drill, build ${each}`;
        commits.push(await push(target, { message, files: quick }));
      }
      const runs: RunSeen[] = [];
      for (const commit of commits) runs.push(await runOf(target, commit));
      const refused = runs.find((run) => isRefused(run, ofBuilds('push')));
      const found: Way[] = [counted('by push', runs, ofBuilds('push'))];
      if (refused !== undefined) {
        const again = Asked.parse(await dana.postJson(`/api/v1/runs/${refused.id}/retry`, {}));
        const run = await runOf(target, again.id);
        const held = isRefused(run, ofBuilds('push'));
        found.push({ way: 'a refused one again', held, answer: reasonsOf(run) || run.state });
      }
      found.push(...(await byItself(target, dana)));
      return found;
    });
    const manual = await withBudget(target, 'manual', someLeft, async () => {
      const start = (): Promise<unknown> =>
        dana.postJson('/api/v1/runs', { repository: target.repository.name, ref, answers: {} });
      const ids = (await Promise.all(attempts.map(start))).map((each) => Asked.parse(each).id);
      const runs: RunSeen[] = [];
      for (const id of ids) runs.push(await runOf(target, id));
      return counted('by hand, all at once', runs, ofBuilds('manual'));
    });
    const noTime = ({ minutes }: { readonly minutes: number }) => ({ minutesADay: minutes });
    const late = await withBudget(target, 'push', noTime, async () =>
      runOf(target, await push(target, { message: 'A drill, too late', files: quick })),
    );
    const again = await push(target, { message: 'A drill, after', files: quick });
    const after = await runOf(target, again);
    return all([
      ...ways,
      manual,
      {
        ...{ way: 'beyond the minutes', held: isRefused(late, ofMinutes) },
        answer: reasonsOf(late) || late.state,
      },
      // Otherwise a repository that nothing is built of any more would look like one that is bounded.
      { way: 'with the budget back', held: after.state === 'passed', answer: after.state },
    ]);
  },
};

/** The attacker would set the budget itself, signed in and by a token. */
async function byItself(target: DrillTarget, dana: WebSession): Promise<Way[]> {
  const more = { buildsADay: 100_000, minutesADay: 100_000 };
  const token = { name: 'drill budget', scopes: ['read', 'run', 'admin'], days: 1, networks: [] };
  const { id, token: bearer } = Made.parse(await dana.postJson('/api/v1/tokens', token));
  try {
    const program = await sessionWithToken(target.nonprod, bearer);
    return [
      await mayNot('raising it', raised(dana, target, 'push', more)),
      await mayNot('raising it by a token', raised(program, target, 'push', more)),
    ];
  } finally {
    await dana.postJson(`/api/v1/tokens/${id}/revoke`, {});
  }
}

export const budgetDrills: readonly Drill[] = [budget];
