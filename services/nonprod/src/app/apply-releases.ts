import { RunEvent } from '@airlock/common/wire/runner-protocol';
import type { Events } from '../events.ts';
import type { HeldFiles } from './held-files.ts';
import type { Bell } from './ports.ts';
import type { Quotas } from './quota-ports.ts';
import { compile, placeRun, shownWarnings, type PreparePorts } from './prepare-run.ts';
import type { AskedRelease, ReleaseQueue, WaitingRun } from './release-ports.ts';

/**
 * Starts what members released: with the files that they chose, as they looked at them. The run keeps its trust; being
 * released makes nobody less of a stranger.
 */
export function createApplyReleases(
  ports: Pick<PreparePorts, 'pools' | 'newId'> & {
    readonly quotas: Pick<Quotas, 'admission'>;
    readonly releases: ReleaseQueue;
    readonly jobs: Bell;
    readonly events: Events;
    readonly readHeldFiles: (run: WaitingRun) => Promise<HeldFiles>;
    /** Of a repository. */
    readonly mainBranchOf: (repository: string) => Promise<string>;
  },
  settings: { readonly maxArtifactBytes: number },
): () => Promise<void> {
  const { releases, jobs, events, readHeldFiles } = ports;

  async function apply({ run, files, filesDigest, person }: AskedRelease): Promise<void> {
    const found = await readHeldFiles(run);
    if (found.digest !== filesDigest) {
      await releases.putBack(
        run.id,
        `Held: the base branch’s files changed while ${person.name} released it; look at the difference again.`,
      );
      return;
    }
    const [chosen, filesCommit] =
      files === 'own' ? [found.own, run.commit] : [found.base, found.baseCommit ?? run.commit];
    const planned = compile(
      chosen,
      {
        ...{ event: RunEvent.parse(run.event), branch: run.branch, ref: run.ref },
        repository: { name: run.repository, mainBranch: await ports.mainBranchOf(run.repository) },
        // Whoever released it saw what changed: nothing is left out for its paths or its message.
        ...{ changedFiles: null, message: '' },
      },
      settings.maxArtifactBytes,
    );
    if (planned.kind !== 'run') {
      await releases.fail(run.id, planned.kind === 'refused' ? planned.reason : planned.why);
      return;
    }
    const { plan } = planned;
    const means = { newId: ports.newId, pools: await ports.pools.pools() };
    const placed = placeRun(means, run.repository, run.trust, plan);
    if (placed.kind === 'refused') {
      await releases.fail(run.id, placed.reason);
      return;
    }
    const { jobs: made, notes } = placed;
    const warnings = shownWarnings(planned);
    const limits = ports.quotas.admission(run.repository);
    const release = { plan, warnings, jobs: made, files, filesCommit, notes, limits };
    if (await releases.start(run.id, release)) {
      events.runStarted({ ...run, state: 'queued' });
      jobs.ring(run.id);
    }
  }

  return async () => {
    for (const release of await releases.asked(16)) await apply(release);
  };
}
