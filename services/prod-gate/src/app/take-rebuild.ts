/**
 * What rebuilders ask and say. Their answers prove themselves by signature, so that the process that takes them can hold one
 * back and cannot invent one; what an answer is worth is decided by authority and deliverer, each for itself.
 */
import { AirlockError } from '@airlock/common/errors';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import type { RebuildReport, WantedRebuild } from '@airlock/common/wire/rebuild-protocol';
import { countBuilders, type DiscountCode } from '@airlock/common/verify/count-builders';
import { verifyPromotionBundle } from '@airlock/common/verify/verify-promotion-bundle';
import type { Promotion } from '../domain/promotion.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import { StoreError, type Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { RebuildStore } from './rebuild-ports.ts';

export type RebuildDependencies = {
  transactor: Transactor;
  promotions: Pick<PromotionStore, 'find' | 'evidence' | 'inState'>;
  rebuilds: RebuildStore;
  recorder: Recorder;
  files(): Promise<GateFiles>;
  ringDeliverer(promotionId: string): void;
  clock: () => Date;
};

export type RebuildErrorCode =
  /** No waiting promotion of that id asks this builder. */
  | 'rebuild-not-wanted'
  /** The answer is not one by this builder about this promotion; what it lacks is in the message. */
  | 'rebuild-refused';
export class RebuildError extends AirlockError<RebuildErrorCode> {}

export type TakenRebuild = {
  readonly isNew: boolean;
  readonly outcome: 'agrees' | 'differs';
  readonly promotion: Promotion;
  /** SHA-256 of what the rebuilder made. */
  readonly artifactDigest: string;
};

const maxWanted = 16;
/** A builder that says more than this about one promotion is broken, and one difference holds it already. */
const maxAnswers = 4;

/** Answers that are kept although they do not count, because a page says why. */
const keptDiscounts: ReadonlySet<DiscountCode> = new Set(['E_REBUILD_DOMAIN', 'E_REBUILD_KEY']);

/** What waits and asks for this builder, which has not answered yet. */
export async function wantedRebuilds(
  dependencies: RebuildDependencies,
  builderId: string,
): Promise<WantedRebuild[]> {
  const [waiting, files] = await Promise.all([
    dependencies.promotions.inState('waiting'),
    dependencies.files(),
  ]);
  const asking = waiting.filter(
    // What is returned to was built again when it first came.
    ({ target, returns }) => returns === null && asks(files, target, builderId),
  );
  const answered = await dependencies.rebuilds.answeredBy(
    builderId,
    asking.map(({ id }) => id),
  );
  return asking
    .filter(({ id }) => !answered.has(id))
    .slice(0, maxWanted)
    .map((promotion) => ({
      promotion: promotion.id,
      repository: promotion.repository,
      commit: promotion.commit,
      pipeline: promotion.pipeline,
      releaseFile: files.targets.get(promotion.target)?.policy.admits[0]?.releaseFile ?? '',
      artifact: {
        name: promotion.subjectName,
        digest: promotion.artifactDigest,
        size: promotion.artifactSize,
      },
    }));
}

/** The promotion, if it waits and asks this builder. @throws RebuildError `rebuild-not-wanted` */
export async function wantedOf(
  dependencies: Pick<RebuildDependencies, 'promotions' | 'files'>,
  builderId: string,
  promotionId: string,
): Promise<Promotion> {
  const [promotion, files] = await Promise.all([
    dependencies.promotions.find(promotionId),
    dependencies.files(),
  ]);
  if (promotion?.state !== 'waiting' || !asks(files, promotion.target, builderId)) {
    throw new RebuildError(
      'rebuild-not-wanted',
      `no waiting promotion ${promotionId} asks ${builderId}; ask for what is wanted now`,
    );
  }
  return promotion;
}

/**
 * Keeps an answer, with its entry for the ledger. Repeating one changes nothing.
 *
 * @throws RebuildError
 */
export async function takeRebuild(
  dependencies: RebuildDependencies,
  builderId: string,
  promotionId: string,
  report: RebuildReport,
): Promise<TakenRebuild> {
  const promotion = await wantedOf(dependencies, builderId, promotionId);
  const envelope = Buffer.from(report.provenance, 'utf8');
  const difference = report.difference === null ? null : Buffer.from(report.difference, 'utf8');
  const at = dependencies.clock();
  const read = await readAnswer(dependencies, { promotion, builderId, envelope, difference, at });
  const taken = { ...read, promotion };
  const kept = (await dependencies.rebuilds.of(promotion.id)).filter(
    (rebuild) => rebuild.builderId === builderId,
  );
  if (kept.some(({ subjectDigest }) => subjectDigest === read.artifactDigest)) {
    return { ...taken, isNew: false };
  }
  if (kept.length >= maxAnswers) {
    throw new RebuildError(
      'rebuild-refused',
      `${builderId} has given ${kept.length} different answers to ${promotion.id}; look at that builder`,
    );
  }
  try {
    await dependencies.transactor.transaction(async (tx) => {
      await dependencies.rebuilds.insert(tx, {
        ...{ promotionId: promotion.id, builderId, envelope, difference, receivedAt: at },
        subjectDigest: read.artifactDigest,
        keyId: read.keyId,
      });
      await dependencies.recorder.record(tx, {
        type: 'rebuild.attested',
        at,
        actor: 'web',
        subjectDigest: sha256Hex(envelope),
        refs: {
          promotion: promotion.id,
          builder: builderId.slice(0, 256),
          artifact: read.artifactDigest,
          outcome: read.outcome,
        },
      });
    });
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== 'rebuild-known') throw cause;
    return { ...taken, isNew: false };
  }
  dependencies.ringDeliverer(promotion.id);
  return { ...taken, isNew: true };
}

function asks(files: GateFiles, target: string, builderId: string): boolean {
  return files.targets.get(target)?.policy.admits[0]?.builders.of.includes(builderId) === true;
}

/** The answer as it would be judged for a delivery, so that nothing is kept which says nothing of this promotion. */
async function readAnswer(
  dependencies: RebuildDependencies,
  given: {
    promotion: Promotion;
    builderId: string;
    envelope: Buffer;
    difference: Buffer | null;
    at: Date;
  },
): Promise<{ outcome: 'agrees' | 'differs'; artifactDigest: string; keyId: string }> {
  const { promotion, builderId, envelope, difference, at } = given;
  const [evidence, { targets, trust }] = await Promise.all([
    dependencies.promotions.evidence(promotion.id),
    dependencies.files(),
  ]);
  const target = targets.get(promotion.target);
  if (evidence === null || target === undefined) {
    throw new RebuildError('rebuild-not-wanted', `the gate has no target ${promotion.target}`);
  }
  const policy = admissionPolicyOf(target.policy);
  const main = verifyPromotionBundle({
    bundle: evidence.bundle,
    artifact: { sha256: promotion.artifactDigest },
    target: promotion.target,
    policies: new Map([[promotion.target, policy]]),
    trust,
    now: at,
    receivedAt: promotion.admittedAt,
  });
  if (!main.ok) {
    throw new RebuildError(
      'rebuild-not-wanted',
      `the main builder's own statement does not pass now (${main.code}); nothing is compared with it`,
    );
  }
  const { agreeing, differing, discounted } = countBuilders({
    main: main.bundle,
    answers: [{ envelope, difference, receivedAt: at, isRecorded: true }],
    of: [builderId],
    ...{ policy, trust, now: at },
  });
  const [differs] = differing;
  const [agrees] = agreeing;
  const [refused] = discounted;
  const { artifactDigest } = promotion;
  if (differs !== undefined) {
    const { keyIds, artifactDigest: made } = differs;
    return { outcome: 'differs', artifactDigest: made, keyId: keyIds[0] ?? '' };
  }
  if (agrees !== undefined) {
    return { outcome: 'agrees', artifactDigest, keyId: agrees.keyIds[0] ?? '' };
  }
  if (refused !== undefined && keptDiscounts.has(refused.code)) {
    return { outcome: 'agrees', artifactDigest, keyId: refused.keyIds[0] ?? '' };
  }
  throw new RebuildError(
    'rebuild-refused',
    `${refused?.code ?? 'E_REBUILD_BUILDER'}: ${refused?.detail ?? 'it says nothing of this build'}`,
  );
}
