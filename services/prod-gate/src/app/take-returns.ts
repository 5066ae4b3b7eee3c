/**
 * Makes promotions of the returns that people asked for at the page. Intake does, who alone makes promotions: from the bundle
 * that the gate has kept, the ledger and the gate's own mirror, all verified once more. Non-prod is not asked, so that a
 * return works while it is down.
 */
import { formatId } from '@airlock/common/ids';
import { admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import type { ReturnOrder } from '@airlock/common/promotion/document';
import {
  decideAdmission,
  verifyPromotionBundle,
  type AdmittedFacts,
} from '@airlock/common/verify/verify-promotion-bundle';
import { askingRoles } from '../domain/access.ts';
import type { Delta } from '../domain/delta.ts';
import { policyEditors } from '../domain/editors.ts';
import type { LedgerFacts } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import { askFault, returnFault, type ReturnGround } from '../domain/return.ts';
import { asError } from './as-error.ts';
import { commitFacts } from './commit-facts.ts';
import { planFault } from './derive-plan.ts';
import { documentFacts, wishOf } from './verify-again.ts';
import type { ArtifactStore, GitReader } from './intake-ports.ts';
import { makeDocument } from './make-document.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import { StoreError, type Transactor } from './ports.ts';
import type { NewPromotion, PromotionStore } from './promotion-ports.ts';
import type { LedgerProofs } from './prove-entry.ts';
import { withArtifact, wordsOfDamage, type ArtifactReader } from './read-artifact-delta.ts';
import { readReturnDelta } from './read-delta.ts';
import { Refused } from './refused.ts';
import { readReturnGround } from './return-ground.ts';
import type { AnsweredReturn, ReturnRequest, ReturnStore } from './return-ports.ts';

export type TakeReturnsDependencies = {
  gate: string;
  transactor: Transactor;
  returns: Pick<ReturnStore, 'open' | 'settle'>;
  promotions: Pick<PromotionStore, 'find' | 'evidence' | 'insert'>;
  recorder: Recorder;
  proofs: Pick<LedgerProofs, 'attempt' | 'facts'>;
  files(): Promise<GateFiles>;
  artifacts: Pick<ArtifactStore, 'has'>;
  contents: ArtifactReader;
  mirror: (repository: string) => GitReader | undefined;
  random(bytes: number): Uint8Array;
  onTaken: (request: ReturnRequest, outcome: { promotionId: string } | { refusal: string }) => void;
  clock: () => Date;
};

/**
 * @returns how many were settled, as promotions or as refusals. Throws only what has to be tried again: Postgres, git or the
 *   gate's own files.
 */
export async function takeReturns(dependencies: TakeReturnsDependencies): Promise<number> {
  const open = await dependencies.returns.open();
  const accidents: unknown[] = [];
  for (const request of open) {
    try {
      const { answers } = request;
      if (answers === null) {
        throw new Refused('E_RETURN_UNPROVEN', 'its answers cannot be read; ask once more');
      }
      const promotion = await makeReturn(dependencies, { ...request, answers });
      dependencies.onTaken(request, { promotionId: promotion.id });
    } catch (cause) {
      if (cause instanceof StoreError && cause.code === 'row-changed') continue;
      if (!(cause instanceof Refused)) {
        // One that cannot be made now keeps none behind it waiting.
        accidents.push(cause);
        continue;
      }
      const refusal = cause.message;
      await dependencies.transactor.transaction((tx) =>
        dependencies.returns.settle(tx, request.id, { state: 'refused', refusal }),
      );
      dependencies.onTaken(request, { refusal });
    }
  }
  const [first] = accidents;
  if (first !== undefined) throw asError(first);
  return open.length;
}

type Target = NonNullable<ReturnType<GateFiles['targets']['get']>>;

/** @throws Refused with the sentence for whoever asked. */
async function makeReturn(
  dependencies: TakeReturnsDependencies,
  request: AnsweredReturn,
): Promise<NewPromotion> {
  const [files, ledger] = await Promise.all([dependencies.files(), dependencies.proofs.facts()]);
  const target = files.targets.get(request.target);
  if (target === undefined) {
    throw new Refused('E_TARGET', `this gate has no target ${request.target}`);
  }
  const person = files.roster.roster.people.find(({ id }) => id === request.person);
  const asking = askingRoles(target.policy);
  if (person?.roles.some((role) => asking.includes(role)) !== true) {
    throw new Refused('role-missing', `${request.person} may not ask for this`);
  }
  const read = await readReturnGround(dependencies, ledger, {
    ...{ target: request.target, delivery: request.delivery, own: null },
  });
  if ('fault' in read) throw new Refused('E_RETURN_UNPROVEN', read.fault);
  const { ground } = read;
  const live = ledger.liveOn(request.target)?.deliveryId ?? null;
  const cannot = askFault(ground, request.answers, live);
  if (cannot !== null) throw new Refused('E_RETURN_UNPROVEN', cannot);
  const before = await dependencies.promotions.find(ground.to.promotionId);
  const kept = await dependencies.promotions.evidence(ground.to.promotionId);
  if (before === null || kept === null) {
    throw new Refused('E_RETURN_UNPROVEN', `${ground.to.promotionId} is not on record any more`);
  }
  const verified = await verifyKept(dependencies, {
    ...{ ground, ledger, files, target, bundle: kept.bundle },
  });
  const promotion = newReturn(dependencies, {
    ...{ request, ground, before, verified, files, target, ledger, bundle: kept.bundle },
  });
  const fault = returnFault(ground, promotion, live);
  if (fault !== null) throw new Refused('E_RETURN_UNPROVEN', fault);
  await record(dependencies, { request, promotion, ground });
  return promotion;
}

type Verified = {
  readonly facts: AdmittedFacts;
  readonly delta: Delta;
  readonly reproduce: number;
};

/** Everything that an admission asks, but that it be new. */
async function verifyKept(
  { artifacts, contents, mirror, clock }: TakeReturnsDependencies,
  given: {
    ground: ReturnGround;
    ledger: LedgerFacts;
    files: GateFiles;
    target: Target;
    bundle: Buffer;
  },
): Promise<Verified> {
  const { ground, ledger, files, target } = given;
  const { to } = ground;
  const now = clock();
  const policy = admissionPolicyOf(target.policy);
  const judged = verifyPromotionBundle({
    bundle: given.bundle,
    artifact: { sha256: to.artifactDigest },
    target: to.target,
    policies: new Map([[to.target, policy]]),
    trust: files.trust,
    now,
    receivedAt: ground.first.admittedAt,
  });
  if (!judged.ok) throw new Refused(judged.code, notNow(to.release, judged));
  const git = mirror(judged.bundle.repository);
  if (git === undefined) {
    throw new Refused('E_GIT_UNKNOWN', `this gate has no mirror of ${judged.bundle.repository}`);
  }
  const { commit, repository, pipeline } = judged.bundle;
  const decided = decideAdmission(judged.bundle, {
    policy,
    commit: await commitFacts(git, {
      ...{ repository, commit, paths: [pipeline], ledger, now, seenAt: null },
      roster: files.roster.roster,
    }),
    state: {
      envelopes: new Set(),
      payloads: new Set(),
      invocations: new Map(),
      lastPosition: null,
    },
  });
  if (!decided.ok) throw new Refused(decided.code, notNow(to.release, decided));
  const otherPlan = await planFault(git, judged.bundle, target.policy);
  if (otherPlan !== null) throw new Refused(otherPlan.code, notNow(to.release, otherPlan));
  if (!(await artifacts.has(to.artifactDigest))) {
    throw new Refused(
      'E_ARTIFACT_MISSING',
      `the artifact of ${to.release} is not in the gate's store any more; promote that commit again from non-prod`,
    );
  }
  const live = ledger.liveOn(to.target);
  const delta =
    live === null
      ? null
      : await readReturnDelta(git, {
          base: { commit: live.commit, release: live.release },
          commit,
        });
  if (delta === null) throw new Refused('E_DELTA_TOO_LARGE', 'more commits than can be listed');
  const compared = await withArtifact(delta, contents, {
    ...{ live, artifactDigest: to.artifactDigest },
  }).catch(wordsOfDamage);
  if (typeof compared === 'string') throw new Refused('E_ARTIFACT_DIGEST', compared);
  return {
    facts: decided.facts,
    delta: compared,
    reproduce: await wishOf(git, decided.facts),
  };
}

const notNow = (release: string, { code, detail }: { code: string; detail: string }): string =>
  `${release} would not be admitted now (${code}: ${detail})`;

function newReturn(
  dependencies: TakeReturnsDependencies,
  given: {
    request: AnsweredReturn;
    ground: ReturnGround;
    before: Promotion;
    verified: Verified;
    files: GateFiles;
    target: Target;
    ledger: LedgerFacts;
    bundle: Buffer;
  },
): NewPromotion & { readonly returns: ReturnOrder } {
  const { request, ground, verified, files, target, ledger } = given;
  const { facts, delta, reproduce } = verified;
  const record = {
    id: formatId('prm', dependencies.random(10)),
    admittedAt: dependencies.clock(),
    requester: request.person,
    requestedAt: request.askedAt,
    returns: {
      delivery: request.delivery,
      promotion: ground.first.promotionId,
      reason: request.reason,
      migrations: [...request.answers],
    },
  };
  const named = documentFacts(record, facts);
  const made = makeDocument({
    ...{ gate: dependencies.gate, facts: named, target, delta, waiver: null },
    rosterDigest: files.roster.digest,
    editors: policyEditors({
      ...{ policy: target.policy, roster: files.roster.roster, ledger },
      live: ledger.liveOn(request.target),
    }).people,
  });
  return {
    ...named,
    ...record,
    artifactSize: given.before.artifactSize,
    pipeline: facts.pipeline,
    builderId: facts.builderId,
    keyIds: facts.keyIds,
    invocationId: facts.invocationId,
    builtAt: new Date(facts.finishedOn),
    requesterIdp: dependencies.gate,
    reason: request.reason,
    expiresAt: made.expiresAt,
    bundle: given.bundle,
    envelopeDigest: facts.envelopeDigest,
    policyDigest: target.digest,
    hook: target.policy.deliver.hook,
    document: made.document,
    promotionDigest: made.promotionDigest,
    ...{ delta, reproduce },
  };
}

async function record(
  { transactor, promotions, returns, recorder, proofs }: TakeReturnsDependencies,
  given: { request: AnsweredReturn; promotion: NewPromotion; ground: ReturnGround },
): Promise<void> {
  const { request, promotion, ground } = given;
  const { promotionId } = ground.first;
  // As it was kept then; whoever checks the evidence needs the commit object again.
  const first = await proofs.attempt(
    'bundle.admitted',
    promotion.bundleDigest,
    ({ refs }) => refs['promotion'] === promotionId,
  );
  const commitObject =
    'fault' in first || first.entry === null
      ? undefined
      : parseLedgerEntry(first.entry.body).refs['commitObject'];
  await transactor.transaction(async (tx) => {
    await promotions.insert(tx, promotion);
    await returns.settle(tx, request.id, { state: 'taken', promotionId: promotion.id });
    await recorder.record(tx, {
      type: 'bundle.admitted',
      at: promotion.admittedAt,
      actor: 'intake',
      subjectDigest: promotion.bundleDigest,
      refs: {
        promotion: promotion.id,
        target: promotion.target,
        artifact: promotion.artifactDigest,
        commit: promotion.commit,
        ...(commitObject === undefined ? {} : { commitObject }),
        policy: promotion.policyDigest,
        document: promotion.promotionDigest,
        returnTo: request.delivery,
        askedBy: request.person,
      },
    });
  });
}
