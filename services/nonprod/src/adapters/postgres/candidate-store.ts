import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { CandidateStore, NewCandidate } from '../../app/ports.ts';
import { nextReleaseName } from '../../domain/release-name.ts';
import type { Database, Transaction } from './client.ts';
import { storedPlan } from './row-shapes.ts';

export function createCandidateStore(db: Database): CandidateStore {
  return {
    async wanted(limit) {
      const runs = await db.run.findMany({
        where: { signing: 'wanted' },
        include: { artifact: true, repositoryRow: true },
        orderBy: { finishedAt: 'asc' },
        take: limit,
      });
      return runs.flatMap((run) => {
        const { artifact, attestation, finishedAt } = run;
        if (artifact === null || finishedAt === null) return [];
        return [
          {
            runId: run.id,
            repositoryUrl: run.repositoryRow.url,
            ref: run.ref,
            commit: run.commit,
            plan: readable(run.plan),
            artifact: {
              name: artifact.name,
              digest: artifact.digest,
              size: Number(artifact.size),
            },
            attestation,
            finishedAt,
          },
        ];
      });
    },

    async record(candidate) {
      return await db.$transaction(async (tx) => {
        // One at a time, so that two builds of a day never take the same number.
        await tx.$executeRaw`select pg_advisory_xact_lock(hashtext('airlock:release-name'))`;
        const release = candidate.builder === 'main' ? await releaseName(tx, candidate) : null;
        if (candidate.builder === 'main' && release === null) return { recorded: false };
        await tx.candidate.create({
          data: {
            id: candidate.id,
            runId: candidate.runId,
            builder: candidate.builder,
            release,
            artifactName: candidate.artifact.name,
            artifactDigest: candidate.artifact.digest,
            artifactSize: candidate.artifact.size,
            targets: [...candidate.targets],
            provenance: candidate.provenance,
            provenancePayloadDigest: candidate.provenancePayloadDigest,
            testResult: candidate.testResult,
          },
        });
        await tx.run.updateMany({ where: { id: candidate.runId }, data: { signing: 'signed' } });
        return { recorded: true, release };
      });
    },

    async refuse(runId, reason) {
      await db.run.updateMany({
        where: { id: runId, signing: 'wanted' },
        data: { signing: 'refused', signingReason: reason },
      });
    },
  };
}

function readable(column: unknown): RunPlan | null {
  const stored = storedPlan(column);
  return stored.kind === 'plan' ? stored.plan : null;
}

/** Null when the version that the release file gives is taken. */
async function releaseName(tx: Transaction, candidate: NewCandidate): Promise<string | null> {
  const taken = await tx.candidate.findMany({
    where: { release: { startsWith: candidate.version ?? candidate.day } },
    select: { release: true },
  });
  const names = taken.flatMap(({ release }) => (release === null ? [] : [release]));
  if (candidate.version === null) return nextReleaseName(candidate.day, names);
  return names.includes(candidate.version) ? null : candidate.version;
}
