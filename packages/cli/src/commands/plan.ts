/** What a pipeline does, before it is pushed: the same parser and compiler that nonprod, signer and gate use. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipelinePath } from '@airlock/pipeline/pipeline-file';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planFile } from '@airlock/pipeline/plan-files';
import { releasePath } from '@airlock/pipeline/release-file';
import { planRun, type Planned } from '@airlock/pipeline/run-plan';
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
      const steps = plan.steps.flatMap(({ name, image, commands }) => [
        `${name} (${image})`,
        ...commands.map((command) => `  + ${command}`),
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
  const files = {
    pipeline: await textOf(isDirectory ? join(where, pipelinePath) : where),
    release: isDirectory ? await textOf(join(where, releasePath)) : null,
  };
  if (files.pipeline === null) absent(join(where, pipelinePath))();
  const planned = planRun(files, occasion);
  if (planned.kind === 'refused')
    throw new CliError(exitCode.error, `no plan can be made of these files:\n${planned.reason}`);
  return planned;
}

function textOf(path: string): Promise<string | null> {
  return planFile(() =>
    readFile(path).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }),
  );
}

const absent = (path: string) => (): never => {
  throw new CliError(exitCode.usage, `${path} cannot be read; name a work tree or a pipeline file`);
};
