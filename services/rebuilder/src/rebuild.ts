/**
 * One rebuild: recipe and source out of the rebuilder's own mirror of main, built by the same code as at the runner, compared,
 * and said under the rebuilder's own signature. Of what the gate asks, only the commit's name is taken.
 */
import { join } from 'node:path';
import { intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope, type SigningKey } from '@airlock/common/dsse/sign';
import { AirlockError } from '@airlock/common/errors';
import { rebuildDifferenceStatement } from '@airlock/common/intoto/rebuild-difference';
import { provenanceStatement } from '@airlock/common/slsa/provenance';
import { formatTimestamp } from '@airlock/common/time';
import type { RebuildReport, WantedRebuild } from '@airlock/common/wire/rebuild-protocol';
import { noSecrets } from '@airlock/build/environment';
import { runBuild } from '@airlock/build/run-build';
import type { Source } from '@airlock/build/source';
import { createWorkspace, type Workspace, type WorkspaceLimits } from '@airlock/build/workspace';
import { imagesDigest } from '@airlock/build/isolation/catalogue';
import type { Isolation } from '@airlock/build/isolation/isolation';
import { releasePath } from '@airlock/pipeline/release-file';
import { compareArtifacts } from './compare-artifacts.ts';
import { GateError, type Gate } from './gate-client.ts';
import { keepDiffering } from './keep-differing.ts';
import { recipeOf, type Recipe, type RepositorySource } from './recipe.ts';

export type RebuildErrorCode =
  /** The repository is not one of this rebuilder's. */
  | 'rebuild-not-ours'
  /** The build did not pass here. */
  | 'rebuild-failed';
export class RebuildError extends AirlockError<RebuildErrorCode> {}

export type RebuildPorts = {
  gate: Gate;
  repositories: ReadonlyMap<string, RepositorySource>;
  isolation: Isolation;
  workDirectory: string;
  limits: WorkspaceLimits;
  builderId: string;
  key: SigningKey;
  /** SHA-256 (hex) of what is installed on this machine, which images may stand for. */
  machineImage: string;
  timeoutSeconds: number;
  maxArtifactBytes: number;
  now: () => Date;
};

export type Rebuilt = {
  readonly outcome: 'agrees' | 'differs';
  readonly artifactDigest: string;
  /** Where the bytes that differ are kept; null where none do. */
  readonly keptAt: string | null;
  /** Why the gate was told that the bytes differ and not in which files; null where it was told. */
  readonly unsaid: string | null;
};

/**
 * Builds, compares, reports.
 *
 * @throws RebuildError, RecipeError, GateError or GitError; nothing was said then, and the gate goes on asking.
 */
export async function rebuild(
  ports: RebuildPorts,
  wanted: WantedRebuild,
  signal: AbortSignal,
): Promise<Rebuilt> {
  const source = ports.repositories.get(wanted.repository);
  if (source === undefined) {
    throw new RebuildError(
      'rebuild-not-ours',
      `${wanted.repository} is not in repositories of this rebuilder; add it, or take this builder out of the target file`,
    );
  }
  const recipe = await recipeOf(source, wanted, ports);
  const workspace = await createWorkspace(ports.workDirectory, ports.limits);
  try {
    const made = await build(ports, { source, recipe, wanted, workspace, signal });
    const { unsaid, ...report } = await statementsOf(ports, {
      ...{ wanted, recipe, made, workspace, signal },
    });
    await ports.gate.report(wanted.promotion, report, signal);
    const artifactDigest = made.digest;
    if (artifactDigest === wanted.artifact.digest) {
      return { outcome: 'agrees', artifactDigest, keptAt: null, unsaid };
    }
    const keptAt = await keepDiffering(join(ports.workDirectory, 'differing'), made);
    return { outcome: 'differs', artifactDigest, keptAt, unsaid };
  } finally {
    await workspace.destroy();
  }
}

type Made = {
  readonly file: string;
  readonly digest: string;
  readonly startedOn: Date;
  readonly finishedOn: Date;
};

async function build(
  ports: RebuildPorts,
  given: {
    source: RepositorySource;
    recipe: Recipe;
    wanted: WantedRebuild;
    workspace: Workspace;
    signal: AbortSignal;
  },
): Promise<Made> {
  const { source, recipe, wanted, workspace, signal } = given;
  const { commit } = wanted;
  const startedOn = ports.now();
  let lastOutput = '';
  const built = await runBuild({
    ...{ isolation: ports.isolation, workspace, signal, now: ports.now, commit },
    ...{ steps: recipe.steps, services: recipe.services, artifact: recipe.artifact },
    ...{ directory: recipe.directory, secretsOf: noSecrets, caches: null, cancelled: signal },
    source: recipe.clone === null ? null : () => sourceOf(source, recipe.clone, wanted),
    timeoutSeconds: ports.timeoutSeconds,
    onOutput: (_, chunk) => {
      lastOutput = `${lastOutput}${chunk.toString()}`.slice(-2000);
    },
  });
  if (built.artifact === null) {
    throw new RebuildError(
      'rebuild-failed',
      `${built.reason ?? 'it was cancelled'}; its last words: ${lastOutput.trim()}`,
    );
  }
  const { file, digest } = built.artifact;
  return { file, digest, startedOn, finishedOn: ports.now() };
}

async function sourceOf(
  { mirror }: RepositorySource,
  clone: Recipe['clone'],
  { commit, repository }: WantedRebuild,
): Promise<Source> {
  const object = await mirror.commitObject(commit);
  if (object === null) throw new RebuildError('rebuild-failed', `${commit} is not in the mirror`);
  return {
    archive: mirror.archive(commit),
    checkout: {
      ...{ commit, object, ref: 'refs/heads/main', url: repository },
      withFiles: clone?.partial !== true,
    },
  };
}

async function statementsOf(
  ports: RebuildPorts,
  given: {
    wanted: WantedRebuild;
    recipe: Recipe;
    made: Made;
    workspace: Workspace;
    signal: AbortSignal;
  },
): Promise<RebuildReport & { readonly unsaid: string | null }> {
  const { wanted, recipe, made, workspace, signal } = given;
  const sign = (payload: Uint8Array): string =>
    signEnvelope(intotoPayloadType, payload, [ports.key]);
  const subject = { name: wanted.artifact.name, sha256: made.digest };
  const image = imagesDigest(
    ports.isolation.catalogue,
    [...recipe.steps, ...recipe.services].map(({ image }) => image),
    ports.machineImage,
  );
  const provenance = sign(
    provenanceStatement({
      ...{ subject, builderId: ports.builderId, repository: wanted.repository },
      ...{ ref: 'refs/heads/main', commit: wanted.commit, release: releasePath },
      ...{ pipeline: wanted.pipeline, pipelineBlob: recipe.pipelineBlob },
      invocationId: `${ports.builderId}/rebuilds/${wanted.promotion}`,
      startedOn: formatTimestamp(made.startedOn),
      finishedOn: formatTimestamp(made.finishedOn),
      ran: { planDigest: recipe.planDigest, runnerImage: image, planRederived: true },
    }),
  );
  if (made.digest === wanted.artifact.digest) return { provenance, difference: null, unsaid: null };
  const claimed = workspace.beside('claimed');
  try {
    await ports.gate.fetchArtifact(
      wanted,
      { file: claimed, maxBytes: ports.maxArtifactBytes },
      signal,
    );
    const compared = await compareArtifacts({
      claimed,
      claimedDigest: wanted.artifact.digest,
      rebuilt: made.file,
    });
    const difference = sign(rebuildDifferenceStatement(subject, compared));
    return { provenance, difference, unsaid: null };
  } catch (cause) {
    if (signal.aborted || (cause instanceof GateError && cause.code === 'gate-unreachable')) {
      throw cause;
    }
    // That the bytes differ is known. Whoever made the other ones must not keep it unsaid by what they are.
    const unsaid = cause instanceof Error ? cause.message : String(cause);
    return { provenance, difference: null, unsaid };
  }
}
