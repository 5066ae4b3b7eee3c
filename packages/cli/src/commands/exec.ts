/** A workflow on this machine, before it is pushed: the same compiler, the same engine and the same sandbox as a runner's. */
import { realpathSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, relative, resolve } from 'node:path';
import type { SecretsOf } from '@airlock/build/environment';
import { bubblewrapIsolation } from '@airlock/build/isolation/bubblewrap';
import { EgressConfig } from '@airlock/build/isolation/egress';
import type { Isolation } from '@airlock/build/isolation/isolation';
import { runBuild, type Build } from '@airlock/build/run-build';
import { createWorkspace } from '@airlock/build/workspace';
import { formatTimestamp } from '@airlock/common/time';
import type { PlanWorkflow, RunPlan } from '@airlock/common/wire/run-plan';
import { RunEvent, type RunFacts } from '@airlock/common/wire/runner-protocol';
import { createMasker, type Masker } from '@airlock/masking/masker';
import { jobServices } from '@airlock/pipeline/job-services';
import { jobSteps } from '@airlock/pipeline/job-steps';
import type { PlanFiles } from '@airlock/pipeline/plan-files';
import { planRun } from '@airlock/pipeline/run-plan';
import { titleOf } from '@airlock/common/workflow-name';
import { probeSandbox } from '@airlock/sandbox/probe';
import { Option, type Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { readPlanFiles } from '../plan-source.ts';
import { createStepOutput } from '../exec/output.ts';
import { repositoryName, snapshotOf, type WorkTreeSnapshot } from '../exec/work-tree.ts';

type Options = {
  readonly workflow?: string;
  readonly step?: string;
  readonly event: RunEvent;
  readonly branch?: string;
  readonly secret: readonly string[];
  readonly egress: readonly string[];
  readonly timeout: number;
};

const maxArtifactBytes = 4 * 1024 ** 3;

export function registerExec(
  program: Command,
  write: (text: string) => void = (text) => void process.stdout.write(text),
): void {
  program
    .command('exec')
    .argument('[file]', 'a pipeline file; without it, those of the work tree')
    .description(
      'run workflows of the work tree here, as a runner does: changes that are not committed included, ignored files not. Exit 5 when one fails',
    )
    .option('--workflow <name>', 'this one alone')
    .option('--step <name>', 'this step alone, with the services of its workflow')
    .addOption(
      new Option('--event <event>', 'what happened').choices(RunEvent.options).default('push'),
    )
    .option('--branch <branch>', 'default: the one that is checked out, or main')
    .option(
      '--secret <NAME=FILE>',
      'what a step gets for `from_secret: NAME`; may be repeated',
      repeated,
      [],
    )
    .option('--egress <HOST:PORT>', 'what steps may reach; may be repeated', repeated, [])
    .option('--timeout <seconds>', 'for all steps of a workflow together', Number, 3600)
    .action(async (file: string | undefined, options: Options) => {
      await execute(file, options, write);
    });
}

const repeated = (value: string, all: readonly string[]): string[] => [...all, value];

async function execute(
  file: string | undefined,
  options: Options,
  write: (text: string) => void,
): Promise<void> {
  const { secretsOf, masker } = await secretsFrom(options.secret);
  const isolation = await isolationHere(options.egress);
  const directory = file === undefined ? '.' : dirname(file);
  const snapshot = await snapshotOf(directory);
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const facts = factsOf(snapshot, options);
    const plan = planOf(await filesOf(snapshot.root, file), facts);
    if (plan === null) {
      write(`nothing runs: no workflow is for ${options.event} of ${facts.branch}\n`);
      return;
    }
    const given = { isolation, snapshot, plan, facts, options, secretsOf, masker, write };
    const failed = await runAll({ ...given, cancelled: stopping.signal });
    if (failed !== null) throw new CliError(exitCode.failedCheck, failed);
  } finally {
    process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop);
    await snapshot.destroy();
  }
}

type Given = {
  readonly isolation: Isolation;
  readonly snapshot: WorkTreeSnapshot;
  readonly plan: RunPlan;
  readonly facts: RunFacts;
  readonly options: Options;
  readonly secretsOf: SecretsOf;
  readonly masker: Masker;
  readonly write: (text: string) => void;
  readonly cancelled: AbortSignal;
};

/** One workflow after the other. @returns what failed first, or null. */
async function runAll(given: Given): Promise<string | null> {
  const { snapshot, write, cancelled } = given;
  const workflows = wanted(given);
  const passed = new Map<string, boolean>();
  let failed: string | null = null;
  const what = snapshot.isChanged ? 'the work tree with its changes' : snapshot.commit.slice(0, 12);
  for (const workflow of workflows) {
    const title = titleOf(workflow);
    const before = workflow.dependsOn.some(({ name }) => passed.get(name) === false);
    if (cancelled.aborted || !workflow.runsOn.includes(before ? 'failure' : 'success')) {
      write(`workflow ${title}: skipped\n`);
      continue;
    }
    write(`workflow ${title}: ${what}\n`);
    const began = performance.now();
    const build = await runOne(given, workflow);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const isPassed = build.outcome === 'passed';
    passed.set(workflow.name, isPassed && passed.get(workflow.name) !== false);
    const kept = build.artifact;
    if (kept !== null) write(`would keep ${kept.size} bytes, sha256:${kept.digest}\n`);
    write(`workflow ${title}: ${build.outcome} after ${seconds} s\n`);
    if (!isPassed) failed ??= `workflow ${title}: ${build.reason ?? build.outcome}`;
  }
  return failed;
}

async function runOne(given: Given, workflow: PlanWorkflow): Promise<Build> {
  const { isolation, snapshot, plan, facts, options, masker, write } = given;
  const steps = jobSteps(plan, workflow, facts)
    .filter(({ name }) => options.step === undefined || name === options.step)
    .map((step) => (options.step === undefined ? step : { ...step, dependsOn: [] }));
  const services = jobServices(plan, workflow, facts);
  const names = [...steps, ...services].map(({ name }) => name);
  const output = createStepOutput(names, masker, write);
  const { artifact } = plan;
  const isMaker = artifact?.workflow === workflow.name && options.step === undefined;
  const { commit, object, url } = snapshot;
  const { clone } = workflow;
  const workspace = await createWorkspace(tmpdir());
  try {
    return await runBuild({
      ...{ isolation, workspace, commit, steps, services, directory: workflow.path },
      source:
        clone === null
          ? null
          : () =>
              Promise.resolve({
                archive: snapshot.archive(),
                checkout: { commit, object, ref: facts.ref, url, withFiles: !clone.partial },
              }),
      artifact: isMaker
        ? { path: artifact.path, maxBytes: artifact.maxBytes ?? maxArtifactBytes }
        : null,
      secretsOf: given.secretsOf,
      caches: null,
      timeoutSeconds: options.timeout,
      signal: new AbortController().signal,
      cancelled: given.cancelled,
      now: () => new Date(),
      onOutput: (name, chunk) => {
        output.take(name, chunk);
      },
    });
  } finally {
    output.end();
    await workspace.destroy();
  }
}

/** Those that were asked for, each after what it depends on. */
function wanted({ plan, options }: Given): PlanWorkflow[] {
  const named = plan.workflows.filter(
    ({ name, steps }) =>
      (options.workflow === undefined || name === options.workflow) &&
      (options.step === undefined || steps.some((step) => step.name === options.step)),
  );
  if (named.length === 0) {
    const all = plan.workflows.map(
      ({ name, steps }) => `${name} (${steps.map((step) => step.name).join(', ')})`,
    );
    throw new CliError(exitCode.usage, `no such workflow or step; there are: ${all.join('; ')}`);
  }
  const ordered: PlanWorkflow[] = [];
  for (let left = named; left.length > 0;) {
    const names = new Set(left.map(({ name }) => name));
    const ready = left.filter(({ dependsOn }) => !dependsOn.some(({ name }) => names.has(name)));
    // The compiler refuses cycles; were there one, the order would not matter.
    ordered.push(...(ready.length === 0 ? left : ready));
    left = ready.length === 0 ? [] : left.filter((workflow) => !ready.includes(workflow));
  }
  return ordered;
}

function planOf(files: PlanFiles, facts: RunFacts): RunPlan | null {
  const { event, branch, ref, repository } = facts;
  const occasion = {
    ...{ event, branch, ref, repository, environment: {} },
    ...{ tag: null, sourceBranch: null, changedFiles: null, cron: null },
  };
  const planned = planRun(files, occasion);
  if (planned.kind === 'refused') {
    throw new CliError(exitCode.error, `no plan can be made of these files:\n${planned.reason}`);
  }
  return planned.kind === 'run' ? planned.plan : null;
}

async function filesOf(root: string, file: string | undefined): Promise<PlanFiles> {
  if (file === undefined) return readPlanFiles(root);
  const { pipelines, release } = await readPlanFiles(file);
  const path = relative(root, resolve(file));
  return { pipelines: pipelines.map(({ text }) => ({ path, text })), release };
}

function factsOf(snapshot: WorkTreeSnapshot, options: Options): RunFacts {
  const { commit, url, subject, authorName, authorEmail } = snapshot;
  const branch = options.branch ?? (snapshot.branch === '' ? 'main' : snapshot.branch);
  return {
    ...{ number: 1, repository: repositoryName(url), repositoryUrl: url, commit, branch },
    ...{ ref: `refs/heads/${branch}`, event: options.event, pullRequest: null },
    ...{ subject: subject.slice(0, 500), authorName, authorEmail },
    ...{ tag: null, sourceBranch: null, cron: null, defaultBranch: 'main' },
    createdAt: formatTimestamp(new Date()),
    ...{ deployTo: null, previous: null, url: '', variables: {} },
  };
}

async function isolationHere(allow: readonly string[]): Promise<Isolation> {
  const egress = allow.length === 0 ? null : EgressConfig.safeParse({ allow });
  if (egress?.success === false) {
    const why = egress.error.issues[0]?.message ?? 'expected HOST:PORT';
    throw new CliError(exitCode.usage, `--egress: ${why}`);
  }
  const probe = await probeSandbox();
  if (!probe.available) {
    throw new CliError(
      exitCode.configuration,
      `steps run in bubblewrap, which does not work here: ${probe.reason}; ${probe.remedy}`,
    );
  }
  const nodeBinary = realpathSync(process.execPath);
  return bubblewrapIsolation({
    nodeBinary,
    egress: egress === null ? null : { ...egress.data, nodeBinary, onDecision: () => {} },
  });
}

async function secretsFrom(
  pairs: readonly string[],
): Promise<{ secretsOf: SecretsOf; masker: Masker }> {
  const values = new Map<string, string>();
  const masker = createMasker();
  for (const pair of pairs) {
    const [, name, file] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
    if (name === undefined || file === undefined || !(await isFile(file))) {
      throw new CliError(exitCode.usage, `--secret ${pair}: expected NAME=FILE with a file`);
    }
    const value = (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
    try {
      masker.add([Buffer.from(value)]);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CliError(exitCode.usage, `--secret ${name}: ${why}`, { cause });
    }
    values.set(name, value);
  }
  const secretsOf: SecretsOf = (_, names) => {
    const absent = names.filter((name) => !values.has(name));
    return Promise.resolve(
      absent.length === 0
        ? { ok: true, values }
        : { ok: false, reason: `give ${absent.map((name) => `--secret ${name}=FILE`).join(' ')}` },
    );
  };
  return { secretsOf, masker };
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );
