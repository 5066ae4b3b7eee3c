/** `airlock run …`: runs of nonprod, started, looked at and ended from the command line. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { nonprodSession } from '../nonprod-session.ts';
import { safe, toStdout, type Print } from '../print.ts';

type As = { readonly as: string };

const Summary = z.looseObject({
  id: z.string(),
  state: z.string(),
  reason: z.string().nullable(),
  branch: z.string().nullable(),
  ref: z.string(),
  commit: z.string(),
  subject: z.string(),
  author: z.string(),
  createdAt: z.string(),
  mark: z.enum(['suspicious', 'reviewed', 'unusual']).nullable(),
});
const Runs = z.object({ runs: z.array(Summary) });
export const Details = Summary.extend({
  finishedAt: z.string().nullable(),
  warnings: z.array(z.string()),
  flags: z.array(z.looseObject({ kind: z.string(), rule: z.string(), text: z.string() })),
  review: z.looseObject({ name: z.string(), reason: z.string() }).nullable(),
  jobs: z.array(
    z.looseObject({
      id: z.string(),
      workflow: z.string(),
      state: z.string(),
      attempt: z.number(),
      reason: z.string().nullable(),
      steps: z.array(
        z.looseObject({ name: z.string(), state: z.string(), exitCode: z.number().nullable() }),
      ),
    }),
  ),
});
const Cancelled = z.object({ state: z.string() });
const Started = z.object({ id: z.string(), commit: z.string() });

export function registerRun(program: Command, print: Print = toStdout): void {
  const as = (): Option => new Option('--as <person>', 'whose hands, in the demo').default('dana');
  const output = (): Option =>
    new Option('-o, --output <format>', 'table or json')
      .choices(['table', 'json'])
      .default('table');
  const run = program.command('run').description('runs of nonprod');

  run
    .command('list')
    .description('the newest runs')
    .option('--limit <count>', 'how many, 1 to 200', countOf, 20)
    .addOption(as())
    .addOption(output())
    .action(async (options: As & { limit: number; output: string }) => {
      const session = await nonprodSession(options.as);
      const answer = await session.getJson(`/api/v1/runs?limit=${options.limit}`);
      if (options.output === 'json') {
        print([JSON.stringify(answer, null, 2)]);
        return;
      }
      const { runs } = Runs.parse(answer);
      print(runs.length === 0 ? ['no run that you may see'] : runs.map(summaryLine));
    });

  run
    .command('show')
    .argument('<run>', 'id such as run_7k2q9x0d1f')
    .description('one run: its workflows, their steps and how each ended')
    .addOption(as())
    .addOption(output())
    .action(async (id: string, options: As & { output: string }) => {
      const answer = await (await nonprodSession(options.as)).getJson(runPath(id));
      print(
        options.output === 'json'
          ? [JSON.stringify(answer, null, 2)]
          : detailLines(Details.parse(answer)),
      );
    });

  run
    .command('start')
    .argument('<repository>', 'such as shop/web')
    .argument('<ref>', 'refs/heads/… or refs/tags/…; a plain name is a branch')
    .argument('[answers...]', 'NAME=VALUE, as .airlock/launch.yaml at that ref asks')
    .description('start a run by hand; answers become variables of its steps')
    .addOption(as())
    .action(async (repository: string, ref: string, answers: string[], options: As) => {
      const body = {
        repository,
        ref: ref.startsWith('refs/') ? ref : `refs/heads/${ref}`,
        answers: Object.fromEntries(answers.map(pairOf)),
      };
      const session = await nonprodSession(options.as);
      const started = Started.parse(await session.postJson('/api/v1/runs', body));
      print([safe(`${started.id} is asked for at ${started.commit}`)]);
    });

  run
    .command('cancel')
    .argument('<run>', 'id such as run_7k2q9x0d1f')
    .description('end a run that has not ended; what a runner has of it is stopped')
    .addOption(as())
    .action(async (id: string, options: As) => {
      const session = await nonprodSession(options.as);
      const { state } = Cancelled.parse(await session.postJson(`${runPath(id)}/cancel`, {}));
      print([state === 'cancelled' ? `${id} is cancelled` : `${id} is being cancelled: ${state}`]);
    });

  run
    .command('retry')
    .argument('<run>', 'id such as run_7k2q9x0d1f; one that has ended')
    .description('run the same commit of the same ref once more; its trust is decided anew')
    .option('--failed', 'keep the workflows that passed, and make the others; not of main')
    .addOption(as())
    .action(async (id: string, options: As & { failed?: true }) => {
      const session = await nonprodSession(options.as);
      const body = { onlyFailed: options.failed === true };
      const retry = Started.parse(await session.postJson(`${runPath(id)}/retry`, body));
      print([safe(`${retry.id} is asked for at ${retry.commit}`)]);
    });
}

/** @throws CliError `usage` when `id` is no run's, before anything is sent. */
export function runPath(id: string): string {
  if (/^run_[0-9a-z]{10}$/.test(id)) return `/api/v1/runs/${id}`;
  throw new CliError(
    exitCode.usage,
    `${JSON.stringify(id)} is no run; ids look like run_7k2q9x0d1f: airlock run list shows them`,
  );
}

function summaryLine(run: Run): string {
  const { id, state, branch, ref, commit, subject, author, createdAt, mark } = run;
  const words = [id, state.padEnd(9), commit.slice(0, 10), `${createdAt.slice(0, 19)}Z`];
  return safe(
    `${words.join('  ')}  ${branch ?? ref}  ${subject} (${author})${mark === null ? '' : `  ${mark}`}`,
  );
}

type Run = z.infer<typeof Summary>;

function detailLines(run: z.infer<typeof Details>): string[] {
  return [
    summaryLine(run),
    ...(run.reason === null ? [] : [safe(`  ${run.reason}`)]),
    ...run.warnings.map((warning) => safe(`  warning: ${warning}`)),
    ...run.flags.map(({ kind, rule, text }) => safe(`  ${kind} (${rule}): ${text}`)),
    ...(run.review === null
      ? []
      : [safe(`  looked at by ${run.review.name}: ${run.review.reason}`)]),
    ...run.jobs.flatMap(({ workflow, state, reason, steps }) => [
      safe(`  ${workflow}  ${state}${reason === null ? '' : `: ${reason}`}`),
      ...steps.map(({ name, state: ended, exitCode: code }) =>
        safe(
          `    ${ended.padEnd(9)}  ${name}${code === null || code === 0 ? '' : `  exit ${code}`}`,
        ),
      ),
    ]),
  ];
}

function countOf(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= 200) return count;
  throw new InvalidArgumentError('expected a number from 1 to 200');
}

function pairOf(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new CliError(exitCode.usage, `${text}: expected NAME=VALUE`);
}
