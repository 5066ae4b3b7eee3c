/**
 * Collects what the verdict is made of. Nothing is believed because a row says so where it can be verified: approvals and
 * enrolments always, the bundle and the changes wherever the process has the gate's mirror (authority, deliverer).
 */
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { waiverOf, type Waiver } from '@airlock/common/promotion/waiver';
import { parsePromotionDocument } from '@airlock/common/promotion/document';
import { coolingLeft } from '../domain/cooling.ts';
import { repositoryDigest, type LedgerFacts, type ProvenRelease } from '../domain/ledger-facts.ts';
import { manualStart } from '../domain/manual-start.ts';
import { ledgerFreeze } from '../domain/ledger-freeze.ts';
import type { Delta } from '../domain/delta.ts';
import type { Promotion } from '../domain/promotion.ts';
import { returnFault } from '../domain/return.ts';
import { peopleOfEmails } from '../domain/roster.ts';
import { firstBefore } from '../domain/turn.ts';
import { buildWordsOf, mattersOf, tracesOf } from '../domain/trace.ts';
import type { PromotionFacts } from '../domain/verdict.ts';
import { openedWaiver } from '../domain/waiver.ts';
import { countPromotionBuilders } from './count-promotion-builders.ts';
import { changes } from './document-changes.ts';
import {
  type FactSources,
  type FactQuestion,
  type LedgerAnswer,
  ledgerFacts,
} from './fact-sources.ts';
import {
  judge,
  shadowFacts,
  closedWindowOf,
  editorsOf,
  enrolledPasskeys,
  signedOf,
  stands,
} from './judge-approvals.ts';
import type { Approval } from './approval-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { PromotionEvidence } from './promotion-ports.ts';
import { readReturnGround } from './return-ground.ts';
import { restingOn, stopsAgainst, type StopFacts } from './rests-on.ts';
import { verifyAgain } from './verify-again.ts';

/** Null when there is no such promotion. */
export async function gatherFacts(
  sources: FactSources,
  question: FactQuestion,
): Promise<PromotionFacts | null> {
  const [promotion, evidence, files] = await Promise.all([
    sources.promotions.find(question.promotionId),
    sources.promotions.evidence(question.promotionId),
    sources.files(),
  ]);
  if (promotion === null || evidence === null) return null;
  const target = files.targets.get(promotion.target);
  const [
    approvals,
    row,
    freeze,
    frozenLedger,
    running,
    session,
    admission,
    configurationFault,
    artifactPresent,
    ledger,
  ] = await Promise.all([
    sources.approvals.of(promotion.id),
    sources.promotions.liveOn(promotion.target),
    sources.promotions.freezeOf(promotion.repository),
    sources.promotions.freezeOf(ledgerFreeze),
    sources.deliveries.runningOn(promotion.target),
    sources.sessions.uncleanOn(promotion.target),
    admissionFault(sources, promotion),
    sources.configuration(files.manifest),
    sources.artifacts.has(promotion.artifactDigest),
    ledgerFacts(sources),
  ]);
  const live = 'fault' in ledger ? row : ledger.facts.liveOn(promotion.target);
  const { own, now } = question;
  const shared = {
    now,
    promotion,
    underOwnDelivery: own !== null,
    artifactPresent,
    rejectedBy: rejection(approvals, files),
    freeze: freeze ?? freezeIn(ledger, promotion.repository),
    busy:
      running === null || running.id === own?.deliveryId
        ? null
        : { deliveryId: running.id, since: running.startedAt },
    pendingSession:
      session === null || (own !== null && session.deliveryId === own.deliveryId)
        ? null
        : { sessionId: session.id, state: session.state, since: session.createdAt },
    outliving:
      'fault' in ledger
        ? null
        : outlivingOf(ledger.facts, { promotion, now, own: own?.deliveryId ?? null }),
    live,
    liveDiffers: 'fault' in ledger ? null : difference(row, live),
    ledgerFault: 'fault' in ledger ? ledger.fault : admission,
    configurationFault,
    ledgerFreeze: frozenLedger,
    emergencyStop: sources.emergency(),
  };
  const stopsOf = (matters: readonly string[]): Promise<StopFacts> =>
    stopsAgainst(sources, {
      ...{ ledger, files, now, delivery: own?.deliveryId ?? null },
      promotion,
      matters,
    });
  if (target === undefined) {
    const traces = tracesOf(promotion, buildWordsOf(evidence.bundle));
    const restsOn = mattersOf(traces, files.roster.roster);
    return { ...shared, ...nothingKnown, restsOn, ...(await stopsOf(restsOn)) };
  }

  // A page shows what has ended as it was taken in; what decides asks as of now.
  const asOf = sources.git === null && promotion.state !== 'waiting' ? promotion.admittedAt : now;
  const returning = await returningOf(sources, { promotion, live, ledger });
  const receivedAt = returning?.receivedAt ?? promotion.admittedAt;
  const standing = approvals.filter((approval) => stands(approval, ledger));
  // They hang on nothing of each other.
  const [checked, hookDigest, passkeys] = await Promise.all([
    verifyAgain(sources, {
      ...{ promotion, evidence, files, now: asOf, receivedAt, live, ledger },
      inDelivery: own !== null,
    }),
    files.hookDigest(hookName(promotion.hook)),
    enrolledPasskeys(sources, signedOf(standing)),
  ]);
  const { unmapped } = peopleOfEmails(files.roster.roster, checked.delta.emails);
  const editors = editorsOf(files, target.policy, ledger, live);
  const waiver = waiverIn(evidence, files, target.policy);
  const asked = { promotion, files, now, checked, waiver, approvals: standing, passkeys };
  const approvalFacts = judge(sources.gate, {
    ...{ ...asked, policy: target.policy, editors: editors.people ?? [] },
  });
  const builders = await countPromotionBuilders(sources, {
    // Whoever built it again was asked when it first came.
    ...{ promotionId: rebuiltFor(promotion), build: checked.build, wish: checked.wish },
    ...{ policy: target.policy, trust: files.trust, now: asOf },
  });
  const { shadow } = target.policy;
  const restsOn = restingOn(promotion, {
    ...{ evidence, checked, builders, roster: files.roster.roster },
    approvals: approvalFacts,
    brought: returning?.brought ?? null,
  });
  return {
    ...{ ...shared, restsOn, ...(await stopsOf(restsOn)) },
    targetKnown: true,
    returning: returning === null ? null : { fault: returning.fault },
    changed: changes(sources, {
      ...{ promotion, evidence, files, live, editors, waiver },
      ...checked,
    }),
    waiver,
    hookDigest,
    bundle: checked.bundle,
    builders,
    windowClosed: closedWindowOf(promotion, target.policy, now),
    cooling: coolingLeft({
      // What is live is not well: it is taken back at once.
      seconds: promotion.returns === null ? target.policy.deliver.cooling : undefined,
      announcedAt:
        'fault' in ledger
          ? null
          : ledger.facts.announcedAt(
              promotion.promotionDigest,
              repositoryDigest(promotion.repository),
            ),
      now,
    }),
    // What is live is not well: nobody has to say once more that it is taken back.
    start:
      promotion.returns !== null || target.policy.deliver.start !== 'manual'
        ? null
        : manualStart({
            ...{ policy: target.policy, roster: files.roster.roster, approvals, now },
            promotionDigest: promotion.promotionDigest,
            asked:
              'fault' in ledger
                ? []
                : ledger.facts.starts({
                    ...{ promotion, repository: repositoryDigest(promotion.repository) },
                    deliveryId: own?.deliveryId ?? null,
                  }),
            windows: own !== null || waiver !== null ? null : target.policy.windows,
          }),
    // Whose turn it is decides who begins, and no more.
    older:
      own !== null || target.policy.concurrency.queue !== 'all'
        ? null
        : (firstBefore(promotion, {
            waiting: await sources.promotions.waitingOn(promotion.target),
            ...{ livePosition: live?.mainPosition ?? null, now },
          })?.release ?? null),
    unmappedEmails: unmapped,
    unmappedEditors: editors.unmapped,
    approvals: approvalFacts,
    // They are on trial for deliveries; a return and a waiver have approvals of their own.
    ...(shadow === undefined || returning !== null || waiver !== null
      ? {}
      : {
          shadow: shadowFacts(
            sources.gate,
            { ...target.policy, ...shadow },
            { ...asked, policyDigest: target.digest, ledger, live },
          ),
        }),
  };
}

type Returning = {
  readonly receivedAt: Date | null;
  readonly fault: string | null;
  /** What came with the release that it leads to; null where that cannot be proven. */
  readonly brought: Delta | null;
};

/** Null for a promotion that goes on along main. */
async function returningOf(
  sources: FactSources,
  given: { promotion: Promotion; live: ProvenRelease | null; ledger: LedgerAnswer },
): Promise<Returning | null> {
  const { promotion, live, ledger } = given;
  const { returns } = promotion;
  if (returns === null) return null;
  // Said once, as the ledger's fault; nothing is returned to while it stands.
  if ('fault' in ledger) {
    return { receivedAt: null, fault: 'the ledger cannot be proven', brought: null };
  }
  const read = await readReturnGround(sources, ledger.facts, {
    ...{ target: promotion.target, delivery: returns.delivery, own: promotion.id },
  });
  if ('fault' in read) return { receivedAt: null, fault: read.fault, brought: null };
  return {
    receivedAt: read.ground.first.admittedAt,
    brought: read.ground.brought,
    fault: returnFault(read.ground, { ...promotion, returns }, live?.deliveryId ?? null),
  };
}

/** The promotion whose rebuilds vouch for these bytes. */
export const rebuiltFor = ({ id, returns }: Pick<Promotion, 'id' | 'returns'>): string =>
  returns?.promotion ?? id;

/** The row is for pages; whoever may write to it must not choose what is older than what is live. */
function difference(
  row: ProvenRelease | null,
  live: ProvenRelease | null,
): PromotionFacts['liveDiffers'] {
  const said = [row, live].map((one) =>
    one === null
      ? ''
      : [
          one.promotionId,
          one.deliveryId,
          one.release,
          one.artifactDigest,
          one.commit,
          one.mainPosition,
        ].join(),
  );
  if (said[0] === said[1]) return null;
  return {
    row: row?.release ?? null,
    ledger: live?.release ?? null,
    isNewer: row !== null && (live === null || row.since > live.since),
  };
}

/** A hook that runs a second time must not meet what the first one may still do. */
function outlivingOf(
  facts: LedgerFacts,
  given: { promotion: Promotion; now: Date; own: string | null },
): PromotionFacts['outliving'] {
  for (const deliveryId of facts.deliveriesUnder(given.promotion.promotionDigest)) {
    const until = deliveryId === given.own ? null : facts.livesUntil(deliveryId);
    if (until === 'unknown') return { deliveryId, until: null };
    if (until !== null && until > given.now) return { deliveryId, until };
  }
  return null;
}

function freezeIn(ledger: LedgerAnswer, repository: string): PromotionFacts['freeze'] {
  const since = 'fault' in ledger ? null : ledger.facts.frozenSince(repository);
  return since === null ? null : { reason: 'main was rewritten, says the ledger', since };
}

/** Without a target file no rule is known, so nothing counts; the verdict says that the file is missing. */
const nothingKnown = {
  targetKnown: false,
  returning: null,
  changed: { policy: false, roster: false, editors: false, base: null, fields: [] },
  hookDigest: null,
  bundle: null,
  builders: { need: 1, listed: 0, count: null },
  windowClosed: null,
  cooling: null,
  start: null,
  older: null,
  waiver: null,
  unmappedEmails: [],
  unmappedEditors: [],
  approvals: {
    ...{ have: 0, need: 0, rules: [], counting: [], signedWith: [], discounted: [] },
    ...{ eligible: [], enough: null, editors: [] },
  },
} as const;

/**
 * What approvers signed about it, and no row: a waiver is part of the document. Null also where the target
 * file opens no such way or the roster has nobody of that id; then the document differs from what is made anew.
 */
function waiverIn(
  { document }: PromotionEvidence,
  { roster }: GateFiles,
  policy: TargetPolicy,
): Waiver | null {
  const waiver = waiverOf(parsePromotionDocument(document));
  if (waiver === null || openedWaiver(policy, waiver.kind) === null) return null;
  const isKnown = roster.roster.people.some(({ id }) => id === waiver.person);
  return isKnown ? waiver : null;
}

function rejection(approvals: readonly Approval[], files: GateFiles): string | null {
  const rejected = approvals.find((approval) => approval.decision === 'reject');
  if (rejected === undefined) return null;
  const person = files.roster.roster.people.find(({ id }) => id === rejected.person);
  return person?.name ?? rejected.person;
}

/** The admission must stand in the signed ledger; without a ledger that can be proven nothing is delivered. */
async function admissionFault(sources: FactSources, promotion: Promotion): Promise<string | null> {
  const proof = await sources.proofs.attempt(
    'bundle.admitted',
    promotion.bundleDigest,
    // The time decides which keys were valid, so it is the ledger's and not the row's.
    ({ at, refs }) =>
      refs['promotion'] === promotion.id && at === promotion.admittedAt.toISOString(),
  );
  if ('fault' in proof) return proof.fault;
  return proof.entry === null
    ? 'its admission, with this id and time, is not in a signed checkpoint'
    : null;
}

function hookName(hook: string): string {
  return hook.slice(0, hook.indexOf('@'));
}
