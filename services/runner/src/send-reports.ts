/** What a workflow's steps wrote for people to read goes to nonprod, whether they passed or failed. */
import { collectFiles, CollectError, type CollectedFile } from '@airlock/build/collect-files';
import type { Isolation } from '@airlock/build/isolation/isolation';
import type { Workspace } from '@airlock/build/workspace';
import { maxReportFileBytes, maxReportFiles } from '@airlock/common/wire/reports';
import type { Job, JobStep, StepReport } from '@airlock/common/wire/runner-protocol';
import { globRoot, matchesGlob } from '@airlock/pipeline/glob';
import { isLeaseLost } from './api/answers.ts';
import type { ControlPlane } from './api/control-plane.ts';
import type { KnownSecrets } from './known-secrets.ts';

const maxTotalBytes = 32 * 1024 * 1024;

type Declared = { readonly step: string } & NonNullable<JobStep['reports']>[number];

/**
 * Decides nothing about the job: what cannot be kept is told in the log of the step that declares it.
 *
 * @param reports only steps that were started are looked at.
 * @throws only when the job is no longer this runner's.
 */
export async function sendReports(options: {
  readonly controlPlane: Pick<ControlPlane, 'uploadReport'>;
  readonly isolation: Isolation;
  readonly workspace: Workspace;
  readonly directory: string | null;
  readonly job: Pick<Job, 'jobId' | 'lease'>;
  readonly known: Pick<KnownSecrets, 'in'>;
  readonly steps: readonly JobStep[];
  readonly reports: readonly StepReport[];
  readonly signal: AbortSignal;
  readonly say: (step: string, line: string) => Promise<void>;
}): Promise<void> {
  const { isolation, workspace, directory, signal, say } = options;
  const started = new Set(
    options.reports.filter(({ startedAt }) => startedAt !== null).map(({ name }) => name),
  );
  const declared: Declared[] = options.steps.flatMap(({ name, reports = [] }) =>
    started.has(name) ? reports.map((each) => ({ step: name, ...each })) : [],
  );
  const [first] = declared;
  if (first === undefined) return;
  try {
    const { files, left } = await collectFiles({
      ...{ isolation, directory, signal, workspace: workspace.path },
      roots: [...new Set(declared.map(({ glob }) => globRoot(glob)))],
      wanted: (path) => declared.some(({ glob }) => matchesGlob(glob, path)),
      limits: {
        files: maxReportFiles,
        fileBytes: maxReportFileBytes,
        totalBytes: maxTotalBytes,
      },
      to: (index) => workspace.beside(`report-${index}`),
    });
    for (const line of left) await say(first.step, `reports: ${line}`);
    for (const each of declared) {
      const own = files.filter(({ path }) => matchesGlob(each.glob, path));
      if (own.length === 0) await say(each.step, `reports: no file matches ${each.glob}`);
      for (const file of own) await send(options, each, file);
    }
  } catch (cause) {
    if (signal.aborted || isLeaseLost(cause)) throw cause;
    const known = cause instanceof CollectError;
    await say(first.step, `reports: ${known ? cause.message : messageOf(cause)}`);
  }
}

async function send(
  { controlPlane, job, known, signal, say }: Parameters<typeof sendReports>[0],
  { step, kind }: Declared,
  { path, file, digest, size }: CollectedFile,
): Promise<void> {
  const leaked = await known.in(file);
  if (leaked.length > 0) {
    await say(step, `reports: ${path} holds the value of ${leaked.join(' and ')}; it was not kept`);
    return;
  }
  const { jobId, lease } = job;
  const report = { kind, name: path, path: file, digest, size };
  try {
    const fault = await controlPlane.uploadReport({ jobId, lease }, report, signal);
    if (fault !== null) await say(step, `reports: ${path} cannot be read as ${kind}: ${fault}`);
  } catch (cause) {
    if (signal.aborted || isLeaseLost(cause)) throw cause;
    await say(step, `reports: ${path} was not kept: ${messageOf(cause)}`);
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
