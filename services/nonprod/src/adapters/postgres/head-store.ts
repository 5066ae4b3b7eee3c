import type { HeadStore, NewRun, RefHead } from '../../app/ports.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import type { Database, Transaction } from './client.ts';

export function createHeadStore(db: Database): HeadStore {
  return {
    async ensureRepository({ name, url }) {
      await db.repository.upsert({ where: { name }, create: { name, url }, update: { url } });
    },

    async known(repository) {
      const rows = await db.gitHead.findMany({ where: { repository } });
      return new Map(rows.map((row) => [row.ref, row.commit]));
    },

    async advance(repository, head, run) {
      return await db.$transaction(async (tx) => {
        await rememberHead(tx, repository, head);
        return run === null ? false : await insertRun(tx, run);
      });
    },
  };
}

async function rememberHead(tx: Transaction, repository: string, head: RefHead): Promise<void> {
  await tx.gitHead.upsert({
    where: { repository_ref: { repository, ref: head.ref } },
    create: { repository, ref: head.ref, commit: head.commit },
    update: { commit: head.commit, seenAt: new Date() },
  });
}

async function insertRun(tx: Transaction, run: NewRun): Promise<boolean> {
  const { count } = await tx.run.createMany({
    data: {
      id: run.id,
      repository: run.repository,
      ref: run.ref,
      branch: run.branch,
      pullRequest: run.pullRequest,
      event: run.event,
      commit: run.commit,
      subject: run.details.subject,
      authorName: run.details.authorName,
      authorEmail: run.details.authorEmail,
      state: run.state,
      reason: run.reason,
      plan: planColumn(run),
      finishedAt: run.state === 'failed' ? new Date() : null,
    },
    skipDuplicates: true,
  });
  if (count === 0) return false;
  await tx.step.createMany({
    data: run.plan.steps.map((step, position) => ({
      runId: run.id,
      position,
      name: step.name,
      image: step.image,
      state: 'queued',
    })),
  });
  if (run.state !== 'failed') {
    await tx.job.create({
      data: { id: run.jobId, runId: run.id, pool: run.pool, state: run.state },
    });
  }
  return true;
}

/** Prisma's JSON type wants index signatures, which a plan of named fields does not have. */
function planColumn({ plan }: NewRun): Prisma.InputJsonObject {
  return {
    version: plan.version,
    steps: plan.steps.map((step) => ({
      name: step.name,
      image: step.image,
      commands: [...step.commands],
      environment: { ...step.environment },
    })),
    artifact: plan.artifact === null ? null : { ...plan.artifact },
    release:
      plan.release === null
        ? null
        : { version: plan.release.version, targets: [...plan.release.targets] },
  };
}
