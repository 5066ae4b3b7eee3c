/** What a pipeline does, before it is pushed: the same parser and compiler that nonprod, signer and gate use. */
import { RunEvent } from '@airlock/common/wire/runner-protocol';
import type { Occasion } from '@airlock/pipeline/condition';
import { occasionOf } from '@airlock/pipeline/occasion';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planMain, planRun, type Planned } from '@airlock/pipeline/run-plan';
import { titleOf } from '@airlock/common/workflow-name';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { readPlanFiles } from '../plan-source.ts';
import { safe, toStdout, type Print } from '../print.ts';

interface CompileOptions {
  readonly event: RunEvent;
  readonly branch: string;
  readonly tag?: string;
  readonly ref?: string;
  readonly pullRequest?: string;
  readonly changed?: readonly string[];
  readonly repo: string;
  readonly cron?: string;
  readonly var: Readonly<Record<string, string>>;
  readonly json?: true;
}

export function registerPlan(program: Command, print: Print = toStdout): void {
  program
    .command('compile')
    .argument('[where]', 'work tree, folder of pipeline files, or one file', '.')
    .description('what a run of the files would do, and the digest by which it is known')
    .addOption(
      new Option('--event <event>', 'what happened').choices(RunEvent.options).default('push'),
    )
    .option('--branch <branch>', 'pushed to, or to be merged into', 'main')
    .option('--tag <tag>', 'name of the tag; makes the event a tag')
    .option('--ref <ref>', 'full ref, such as refs/heads/topic; by default that of branch or tag')
    .option('--pull-request <number>', 'makes the event a pull request')
    .option('--changed <file...>', 'files that changed; without it every `path` condition holds')
    .option('--repo <owner/name>', 'the repository', '')
    .option('--cron <name>', 'name of the schedule; makes the event a cron')
    .option('--var <NAME=value>', 'a variable for `evaluate`; may be repeated', variable, {})
    .option('--json', 'one JSON object: digest, plan and warnings')
    .action(async (where: string, options: CompileOptions) => {
      const planned = await compile(where, options);
      if (options.json === true) print([JSON.stringify(asJson(planned), null, 2)]);
      else
        print([
          ...planned.warnings.map((warning) => safe(`warning: ${warning}`)),
          ...told(planned),
        ]);
      if (planned.kind === 'refused') {
        throw new CliError(exitCode.error, 'no plan can be made of these files');
      }
    });

  program
    .command('lint')
    .argument('[paths...]', 'work trees, folders of pipeline files, or files', ['.'])
    .description(
      'faults and warnings of pipeline and release files as file:line:col; exit 0 without faults, 1 with some',
    )
    .option('--json', 'one JSON object: faults and warnings')
    .action(async (paths: readonly string[], options: { json?: true }) => {
      const results = await Promise.all(
        paths.map(async (path) => ({ path, planned: planMain(await readPlanFiles(path)) })),
      );
      const said = (path: string, line: string): string =>
        paths.length > 1 ? `${path}: ${line}` : line;
      const faults = results.flatMap(({ path, planned }) =>
        planned.kind === 'refused'
          ? planned.reason.split('\n').map((line) => said(path, line))
          : [],
      );
      const warnings = results.flatMap(({ path, planned }) =>
        planned.warnings.map((line) => said(path, line)),
      );
      if (options.json === true) print([JSON.stringify({ faults, warnings })]);
      else {
        print([
          ...faults.map((line) => safe(`fault: ${line}`)),
          ...warnings.map((line) => safe(`warning: ${line}`)),
          faults.length === 0 ? 'no faults' : `${faults.length} faults`,
        ]);
      }
      if (faults.length > 0) throw new CliError(exitCode.error, 'these files cannot be followed');
    });
}

async function compile(where: string, options: CompileOptions): Promise<Planned> {
  return planRun(await readPlanFiles(where), occasionFrom(options));
}

function occasionFrom(options: CompileOptions): Occasion {
  const { branch, tag = null, cron = null, pullRequest, changed, repo } = options;
  const event =
    tag !== null && options.event === 'push'
      ? 'tag'
      : pullRequest !== undefined && options.event === 'push'
        ? 'pull_request'
        : cron !== null && options.event === 'push'
          ? 'cron'
          : options.event;
  const refOf: Partial<Record<RunEvent, string>> = {
    tag: `refs/tags/${tag ?? ''}`,
    release: `refs/tags/${tag ?? ''}`,
    pull_request: `refs/pull/${pullRequest ?? '1'}/head`,
  };
  return occasionOf({
    ...{ event, branch, tag, cron, repository: repo },
    ref: options.ref ?? refOf[event] ?? `refs/heads/${branch}`,
    changedFiles: changed ?? null,
    environment: { CI_REPO_DEFAULT_BRANCH: 'main', ...options.var },
  });
}

function variable(text: string, before: Record<string, string>): Record<string, string> {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('expected NAME=value');
  }
  return { ...before, [name]: value };
}

function asJson(planned: Planned): object {
  const { warnings } = planned;
  if (planned.kind === 'run') {
    return { digest: planDigest(planned.plan), plan: planned.plan, warnings };
  }
  if (planned.kind === 'nothing') return { digest: null, plan: null, why: planned.why, warnings };
  return { digest: null, plan: null, faults: planned.reason.split('\n'), warnings };
}

function told(planned: Planned): string[] {
  if (planned.kind === 'nothing') return [safe(`nothing runs: ${planned.why}`)];
  if (planned.kind === 'refused') {
    return planned.reason.split('\n').map((line) => safe(`fault: ${line}`));
  }
  const { workflows, artifact, release } = planned.plan;
  const lines = workflows.flatMap((workflow) => [
    `workflow ${titleOf(workflow)}${after(workflow.dependsOn.map(({ name }) => name))}`,
    ...workflow.services.map(({ name, image }) => `  service ${name} (${image})`),
    ...workflow.steps.flatMap(({ name, image, commands, dependsOn }, index) => [
      `  ${name} (${image})${inOrder(workflow.steps[index - 1]?.name, dependsOn) ? '' : after(dependsOn, 'at once')}`,
      ...commands.map((command) => `    + ${command}`),
    ]),
  ]);
  const kept = artifact === null ? 'nothing is kept' : `keeps ${artifact.path}`;
  const targets =
    release === null ? [] : [`may be asked for: ${release.targets.join(', ') || 'no target'}`];
  return [
    ...lines.map(safeLines).flat(),
    kept,
    ...targets,
    `plan sha256:${planDigest(planned.plan)}`,
  ];
}

/** A command may have several lines. */
const safeLines = (text: string): string[] => text.split('\n').map(safe);

function inOrder(before: string | undefined, dependsOn: readonly string[]): boolean {
  return before === undefined
    ? dependsOn.length === 0
    : dependsOn.length === 1 && dependsOn[0] === before;
}

function after(names: readonly string[], otherwise = ''): string {
  if (names.length > 0) return `, after ${names.join(', ')}`;
  return otherwise === '' ? '' : `, ${otherwise}`;
}
