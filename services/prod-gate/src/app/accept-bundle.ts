/**
 * Takes one item of nonprod's outbox: fetches the bytes into the gate's own store, verifies every claim with the kernel and
 * the gate's own mirror, and records the answer. Believes nothing that the item says; what it claims only chooses which bytes
 * to look at and which policy to hold them against.
 */
import { Readable } from 'node:stream';
import { AirlockError } from '@airlock/common/errors';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { formatId } from '@airlock/common/ids';
import { admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import type { Roster } from '@airlock/common/policy/target-policy';
import {
  decideAdmission,
  verifyPromotionBundle,
  type AdmittedFacts,
  type VerifiedBundle,
} from '@airlock/common/verify/verify-promotion-bundle';
import type { OutboxItem } from '@airlock/common/wire/outbox';
import type { Delta } from '../domain/delta.ts';
import { policyEditors } from '../domain/editors.ts';
import type { LedgerFacts } from '../domain/ledger-facts.ts';
import { commitFacts } from './commit-facts.ts';
import { planFault } from './derive-plan.ts';
import { fetchArtifact, fetchBundle, type FetchDependencies } from './fetch-blobs.ts';
import { fetchMain, MainRefusedError, type FetchMainDependencies } from './fetch-main.ts';
import type { FollowLedger } from './follow-ledger.ts';
import { documentFacts, wishOf } from './verify-again.ts';
import type { GitReader, IntakeStore } from './intake-ports.ts';
import { makeDocument } from './make-document.ts';
import { withArtifact, type ArtifactReader } from './read-artifact-delta.ts';
import { readDelta } from './read-delta.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { NewPromotion, PromotionStore } from './promotion-ports.ts';
import { StoreError } from './ports.ts';
import { Refused } from './refused.ts';

export type AcceptDependencies = FetchMainDependencies &
  FetchDependencies & {
    gate: string;
    source: string;
    contents: ArtifactReader;
    intake: Pick<IntakeStore, 'record' | 'admittedBefore'>;
    promotions: Pick<PromotionStore, 'insert' | 'liveOn'>;
    files(): Promise<GateFiles>;
    random(bytes: number): Uint8Array;
    ledger: FollowLedger;
  };

export type Acceptance =
  | { readonly outcome: 'admitted'; readonly promotionId: string; readonly target: string }
  | { readonly outcome: 'refused'; readonly code: string; readonly detail: string };

type Target = NonNullable<ReturnType<GateFiles['targets']['get']>>;

/**
 * Records the item as admitted or refused, in the transaction that moves the cursor beyond it.
 *
 * Throws only what has to be tried again: nonprod, git or Postgres unreachable, the gate's own files unreadable.
 */
export async function acceptBundle(
  dependencies: AcceptDependencies,
  item: OutboxItem,
): Promise<Acceptance> {
  try {
    const admitted = await verifyItem(dependencies, item);
    return await recordAdmission(dependencies, item, admitted);
  } catch (cause) {
    if (cause instanceof Refused || cause instanceof MainRefusedError) {
      return recordRefusal(dependencies, item, cause);
    }
    if (cause instanceof StoreError && cause.code === 'already-admitted') {
      return recordRefusal(dependencies, item, new Refused('E_REPLAY', cause.message));
    }
    throw cause;
  }
}

type Admitted = {
  readonly bundle: Buffer;
  readonly facts: AdmittedFacts;
  readonly artifactSize: number;
  readonly target: Target;
  readonly rosterDigest: string;
  readonly editors: readonly string[] | null;
  readonly delta: Delta;
  /** SHA-256 of the raw commit, by which the store has it. */
  readonly commitObject: string;
  readonly reproduce: number;
};

async function verifyItem(dependencies: AcceptDependencies, item: OutboxItem): Promise<Admitted> {
  const bundle = await fetchBundle(dependencies, item);
  const files = await dependencies.files();
  const target = files.targets.get(item.claimedTarget);
  if (target === undefined) {
    throw new Refused('E_TARGET', `this gate has no target ${item.claimedTarget}`);
  }
  // Judged before the artifact is fetched: a stranger's bundle costs no more than its 256 KiB.
  const verified = verifyPromotionBundle({
    bundle,
    artifact: { sha256: item.artifact.digest },
    target: item.claimedTarget,
    policies: new Map([[item.claimedTarget, admissionPolicyOf(target.policy)]]),
    trust: files.trust,
    now: dependencies.clock(),
  });
  if (!verified.ok) throw new Refused(verified.code, verified.detail);
  const mirror = await fetchMain(dependencies, verified.bundle.repository);
  const ledger = await dependencies.ledger();
  const facts = await decide(dependencies, {
    ...{ verified: verified.bundle, target, mirror, ledger },
    roster: files.roster.roster,
  });
  const otherPlan = await planFault(mirror, verified.bundle, target.policy);
  if (otherPlan !== null) throw new Refused(otherPlan.code, otherPlan.detail);
  const live = ledger.liveOn(facts.target);
  const delta = await readDelta(mirror, {
    base: live === null ? null : { commit: live.commit, release: live.release },
    commit: facts.commit,
  }).catch((cause: unknown) => {
    // It will not be shorter the next time, and everything behind it would wait for it.
    if (cause instanceof AirlockError && cause.code === 'git-too-large') return null;
    throw cause;
  });
  if (delta === null) throw new Refused('E_DELTA_TOO_LARGE', 'more commits than can be listed');
  const commitObject = await keepCommit(dependencies, mirror, facts.commit);
  // Last: what is refused before this leaves nothing in the store.
  const artifact = await fetchArtifact(dependencies, item, facts.subjectName);
  return {
    bundle,
    facts,
    artifactSize: artifact.size,
    target,
    rosterDigest: files.roster.digest,
    delta: await withArtifact(delta, dependencies.contents, { live, ...facts }),
    editors: policyEditors({ ...target, roster: files.roster.roster, ledger, live }).people,
    commitObject,
    reproduce: await wishOf(mirror, facts),
  };
}

/** The commit with its signature, so that it can be shown to who has no access to the repository. */
async function keepCommit(
  { artifacts }: AcceptDependencies,
  mirror: GitReader,
  commit: string,
): Promise<string> {
  const object = await mirror.commitObject(commit);
  if (object === null) throw new Refused('E_GIT_UNKNOWN', `the mirror lost ${commit} meanwhile`);
  const expected = sha256Hex(object);
  await artifacts.put(Readable.from([object]), { maxBytes: object.length, expected });
  return expected;
}

async function decide(
  { intake, promotions, clock }: AcceptDependencies,
  given: {
    verified: VerifiedBundle;
    target: Target;
    mirror: GitReader;
    ledger: LedgerFacts;
    roster: Roster;
  },
): Promise<AdmittedFacts> {
  const { verified, ledger, roster } = given;
  const now = clock();
  const [before, row, commit] = await Promise.all([
    intake.admittedBefore(verified),
    promotions.liveOn(verified.target),
    commitFacts(given.mirror, {
      repository: verified.repository,
      commit: verified.commit,
      paths: [verified.pipeline],
      ...{ roster, ledger, now },
      seenAt: now,
    }),
  ]);
  const decided = decideAdmission(verified, {
    policy: admissionPolicyOf(given.target.policy),
    commit,
    state: {
      // The very same bundle is a replay whatever became of it; a new request for the same build is not.
      envelopes: new Set([
        ...before.envelopes,
        ...(before.sameBundle ? [verified.envelopeDigest] : []),
      ]),
      payloads: new Set(before.payloads),
      invocations:
        before.artifactOfInvocation === null
          ? new Map()
          : new Map([[verified.invocationId, before.artifactOfInvocation]]),
      lastPosition: furthest(row, ledger.liveOn(verified.target)),
    },
  });
  if (!decided.ok) throw new Refused(decided.code, decided.detail);
  return decided.facts;
}

/** The ledger is what counts; a row that is further on is a delivery whose end is on its way into it. */
function furthest(...live: readonly ({ mainPosition: number } | null)[]): number | null {
  const positions = live.flatMap((one) => (one === null ? [] : [one.mainPosition]));
  return positions.length === 0 ? null : Math.max(...positions);
}

async function recordAdmission(
  dependencies: AcceptDependencies,
  item: OutboxItem,
  admitted: Admitted,
): Promise<Acceptance> {
  const promotion = newPromotion(dependencies, admitted);
  await dependencies.transactor.transaction(async (tx) => {
    await dependencies.promotions.insert(tx, promotion);
    await dependencies.intake.record(tx, {
      ...itemFacts(dependencies, item),
      receivedAt: promotion.admittedAt,
      outcome: 'admitted',
      code: null,
      detail: null,
      promotionId: promotion.id,
    });
    await dependencies.recorder.record(tx, {
      type: 'bundle.admitted',
      at: promotion.admittedAt,
      actor: 'intake',
      subjectDigest: promotion.bundleDigest,
      refs: {
        promotion: promotion.id,
        target: promotion.target,
        artifact: promotion.artifactDigest,
        commit: promotion.commit,
        commitObject: admitted.commitObject,
        policy: promotion.policyDigest,
        document: promotion.promotionDigest,
        item: item.hash,
      },
    });
  });
  return { outcome: 'admitted', promotionId: promotion.id, target: promotion.target };
}

function newPromotion(dependencies: AcceptDependencies, admitted: Admitted): NewPromotion {
  const { facts, target, delta } = admitted;
  const record = {
    returns: null,
    id: formatId('prm', dependencies.random(10)),
    admittedAt: dependencies.clock(),
  };
  const named = documentFacts(record, facts);
  const made = makeDocument({
    waiver: null,
    gate: dependencies.gate,
    facts: named,
    target,
    rosterDigest: admitted.rosterDigest,
    delta,
    editors: admitted.editors,
  });
  return {
    ...named,
    ...record,
    artifactSize: admitted.artifactSize,
    pipeline: facts.pipeline,
    builderId: facts.builderId,
    keyIds: facts.keyIds,
    invocationId: facts.invocationId,
    builtAt: new Date(facts.finishedOn),
    requesterIdp: facts.requester.idp,
    reason: facts.reason,
    expiresAt: made.expiresAt,
    bundle: admitted.bundle,
    envelopeDigest: facts.envelopeDigest,
    policyDigest: target.digest,
    hook: target.policy.deliver.hook,
    document: made.document,
    promotionDigest: made.promotionDigest,
    delta,
    reproduce: admitted.reproduce,
  };
}

async function recordRefusal(
  dependencies: AcceptDependencies,
  item: OutboxItem,
  refusal: AirlockError,
): Promise<Acceptance> {
  const { code, message: detail } = refusal;
  const at = dependencies.clock();
  await dependencies.transactor.transaction(async (tx) => {
    await dependencies.intake.record(tx, {
      ...itemFacts(dependencies, item),
      receivedAt: at,
      outcome: 'refused',
      code,
      detail,
      promotionId: null,
    });
    await dependencies.recorder.record(tx, {
      type: 'bundle.refused',
      at,
      actor: 'intake',
      subjectDigest: item.bundle.digest,
      refs: { code, item: item.hash, request: item.id },
    });
  });
  return { outcome: 'refused', code, detail };
}

function itemFacts({ source }: AcceptDependencies, item: OutboxItem) {
  return {
    source,
    seq: item.seq,
    itemHash: item.hash,
    requestId: item.id,
    claimedTarget: item.claimedTarget,
    bundleDigest: item.bundle.digest,
    artifactDigest: item.artifact.digest,
  };
}
