/** What a pipeline does, before it is pushed: the same parser and compiler that nonprod, signer and gate use. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planFile, planFiles, type PlanFiles } from '@airlock/pipeline/plan-files';
import { planRun, type Planned } from '@airlock/pipeline/run-plan';
import { titleOf } from '@airlock/pipeline/workflow-name';
import { Option, type Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';

const kinds = ['push', 'pull_request', 'manual'] as const;
type Occasion = { readonly event: (typeof kinds)[number]; readonly branch: string };

export function registerPlan(program: Command, print: Print = toStdout): void {
  const event = (): Option =>
    new Option('--event <event>', 'what happened').choices(kinds).default('push');
  const branch = (): Option =>
    new Option('--branch <branch>', 'pushed to, or to be merged into').default('main');

  program
    .command('compile')
    .argument('[where]', 'directory of a work tree, or a pipeline file', '.')
    .description('what a run of the files would do, and the digest by which it is known')
    .addOption(event())
    .addOption(branch())
    .option('--json', 'the plan and its digest as JSON')
    .action(async (where: string, options: Occasion & { json?: true }) => {
      const planned = await compile(where, options);
      if (planned.kind === 'nothing') {
        const { why } = planned;
        const nothing = { digest: null, plan: null, why };
        print([options.json === true ? JSON.stringify(nothing) : `nothing runs: ${why}`]);
        return;
      }
      const { plan } = planned;
      const digest = planDigest(plan);
      if (options.json === true) {
        print([JSON.stringify({ digest, plan }, null, 2)]);
        return;
      }
      const steps = plan.workflows.flatMap((workflow) => [
        `workflow ${titleOf(workflow)}`,
        ...workflow.steps.flatMap(({ name, image, commands }) => [
          `  ${name} (${image})`,
          ...commands.map((command) => `    + ${command}`),
        ]),
      ]);
      const { artifact, release } = plan;
      const kept = artifact === null ? 'nothing is kept' : `keeps ${artifact.path}`;
      const targets =
        release === null ? [] : [`may be asked for: ${release.targets.join(', ') || 'no target'}`];
      print([...steps, kept, ...targets, `plan sha256:${digest}`]);
    });

  program
    .command('lint')
    .argument('[where]', 'directory of a work tree, or a pipeline file', '.')
    .description('faults of pipeline and release file as file:line:col; exit 0 none, 1 some')
    .action(async (where: string) => {
      await compile(where, { event: 'push', branch: 'main' });
      print(['no faults']);
    });
}

/** @throws CliError with every fault as `file:line:col: path: message`. */
async function compile(
  where: string,
  occasion: Occasion,
): Promise<Exclude<Planned, { kind: 'refused' }>> {
  const isDirectory = await stat(where).then((facts) => facts.isDirectory(), absent(where));
  const files = isDirectory ? await filesOf(where) : await onlyFile(where);
  const planned = planRun(files, occasion);
  if (planned.kind === 'refused')
    throw new CliError(exitCode.error, `no plan can be made of these files:\n${planned.reason}`);
  return planned;
}

async function onlyFile(path: string): Promise<PlanFiles> {
  const text = await planFile(() => readFile(path));
  return { pipelines: text === null ? [] : [{ path: basename(path), text }], release: null };
}

async function filesOf(directory: string): Promise<PlanFiles> {
  const files = await planFiles({
    async list(inside) {
      const entries = await readdir(join(directory, inside), { withFileTypes: true }).catch(
        orElse([]),
      );
      return entries.filter((entry) => entry.isFile()).map(({ name }) => join(inside, name));
    },
    read: (path) => readFile(join(directory, path)).catch(orElse(null)),
  });
  if (files.pipelines.length === 0) absent(join(directory, '.woodpecker.yaml'))();
  return files;
}

/** For what does not exist; everything else is thrown again. */
function orElse<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return instead;
    throw error;
  };
}

const absent = (path: string) => (): never => {
  throw new CliError(exitCode.usage, `${path} cannot be read; name a work tree or a pipeline file`);
};
