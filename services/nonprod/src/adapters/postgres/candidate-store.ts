import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { CandidateStore, NewCandidate } from '../../app/ports.ts';
import { nextReleaseName } from '../../domain/release-name.ts';
import { sqlOf, type Database, type Transaction } from './client.ts';
import { storedPlan } from './row-shapes.ts';

interface WantedRow {
  readonly id: string;
  readonly url: string;
  readonly ref: string;
  readonly commit: string;
  readonly plan: unknown;
  readonly name: string;
  readonly digest: string;
  /** Postgres's int8, which has no number of its own. */
  readonly size: string;
  readonly attestation: string | null;
  readonly finished_at: Date;
}

export function createCandidateStore(db: Database): CandidateStore {
  const sql = sqlOf(db);
  return {
    async wanted(limit) {
      const rows = await sql<WantedRow>`
        select run.id, repository.url, run.ref, run.commit, run.plan, artifact.name, artifact.digest, artifact.size,
          run.attestation, run.finished_at
        from run join repository on repository.name = run.repository join artifact on artifact.run_id = run.id
        where run.signing = 'wanted' and run.finished_at is not null order by run.finished_at limit ${limit}`;
      return rows.map(({ id: runId, url: repositoryUrl, ref, commit, attestation, ...row }) => ({
        ...{ runId, repositoryUrl, ref, commit, attestation, finishedAt: row.finished_at },
        plan: readable(row.plan),
        artifact: { name: row.name, digest: row.digest, size: Number(row.size) },
      }));
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
