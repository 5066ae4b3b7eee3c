/** The JSON twins of the pages. Fields are listed by name, so that a new column does not leave the house by itself. */
import { timeText } from '@airlock/web/views/time';
import type { Check } from '../app/checks.ts';
import type { Delivery, DeliveryLogLine } from '../app/delivery-ports.ts';
import type { RepositoryFreeze } from '../app/promotion-ports.ts';
import type { VaultSession } from '../app/vault-session-ports.ts';
import type { PromotionDetails, PromotionView, ShownDecision } from '../app/view-promotion.ts';
import type { QueueView, RefusedItem, ShownLive } from '../app/view-queue.ts';
import { awaitsStart } from '../domain/awaits-start.ts';
import type { Delta } from '../domain/delta.ts';
import { firstLines } from '../domain/firsts.ts';
import type { NewerCommits } from '../domain/newer.ts';
import type { ListedPromotion, Promotion } from '../domain/promotion.ts';
import { sorted, stateSentence } from '../domain/sentences.ts';
import { runsInWords, type Sighting } from '../domain/sighting.ts';
import { contractCode } from '../domain/verdict.ts';

const time = (date: Date | null): string | null => date?.toISOString() ?? null;

function promotionJson(promotion: ListedPromotion) {
  return {
    id: promotion.id,
    target: promotion.target,
    release: promotion.release,
    state: promotion.state,
    stateReason: promotion.stateReason,
    version: promotion.version,
    commit: promotion.commit,
    artifact: {
      name: promotion.subjectName,
      digest: promotion.artifactDigest,
      size: promotion.artifactSize,
    },
    promotionDigest: promotion.promotionDigest,
    requester: promotion.requester,
    reason: promotion.reason,
    returns: promotion.returns,
    requestedAt: time(promotion.requestedAt),
    admittedAt: time(promotion.admittedAt),
    expiresAt: time(promotion.expiresAt),
  };
}

/** One of the four kinds and one sentence each; nothing of a promotion that has ended waits for anybody. */
function verdictJson({ promotion, verdict }: PromotionView) {
  const reasons =
    promotion.state !== 'waiting' || verdict.allowed
      ? []
      : sorted(verdict).map(({ kind, text }) => ({ kind, text }));
  return {
    kind: reasons[0]?.kind ?? 'none',
    text: stateSentence(promotion, verdict),
    reasons,
    codes:
      promotion.state !== 'waiting' || verdict.allowed ? [] : verdict.reasons.map(contractCode),
  };
}

export function viewJson(view: PromotionView) {
  return {
    ...promotionJson(view.promotion),
    commitCount: view.promotion.delta.commitCount,
    verdict: verdictJson(view),
    approvals: {
      have: view.facts.approvals.have,
      need: view.need,
      rules: view.facts.approvals.rules,
      eligible: view.facts.approvals.eligible,
    },
    delivery: view.delivery?.id ?? null,
    you: {
      mayApprove: view.viewer.standing?.may === true && view.viewer.decided === null,
      mayReject: view.viewer.mayReject,
      mayStart: view.viewer.mayStart && awaitsStart(view.verdict),
      decided: view.viewer.decided,
      mayWithdraw: view.viewer.decided === 'approve' && view.promotion.state === 'waiting',
    },
  };
}

const decisionJson = ({ approval, name, passkey }: ShownDecision) => ({
  id: approval.id,
  person: approval.person,
  name,
  decision: approval.decision,
  note: approval.note,
  promotionDigest: approval.promotionDigest,
  passkey,
  at: time(approval.createdAt),
  withdrawn:
    approval.withdrawn === null
      ? null
      : { at: time(approval.withdrawn.at), reason: approval.withdrawn.reason },
});

export function detailsJson(view: PromotionDetails, checks: readonly Check[], now: Date) {
  return {
    ...viewJson(view),
    repository: view.promotion.repository,
    pipeline: view.promotion.pipeline,
    builder: view.promotion.builderId,
    hook: view.promotion.hook,
    policyDigest: view.promotion.policyDigest,
    checks,
    builders: buildersJson(view),
    decisions: view.decisions.map(decisionJson),
    changes: changesJson(view.promotion.delta),
    firsts: { ...view.firsts, text: firstLines(view.promotion.target, view.firsts) },
    newer: view.newer,
    runs: view.sighting === null ? null : runsJson(view.sighting, now),
  };
}

const changesJson = (delta: Delta) => ({
  base: delta.base,
  commitCount: delta.commitCount,
  commits: delta.commits,
  fileCount: delta.fileCount,
  files: delta.files,
  ...delta.details,
  ...(delta.artifact === undefined ? {} : { artifact: delta.artifact }),
});

/** What changes and nothing else. What it is compared with is in the document that approvers sign, and is what is live. */
export function differenceJson({
  promotion,
  newer,
}: {
  readonly promotion: Promotion;
  readonly newer: NewerCommits | null;
}) {
  return {
    id: promotion.id,
    target: promotion.target,
    release: promotion.release,
    promotionDigest: promotion.promotionDigest,
    against: 'live',
    changes: changesJson(promotion.delta),
    newer,
  };
}

function buildersJson({ facts: { builders } }: PromotionDetails) {
  const { have, agreeing, differing, discounted, silent } = builders.count ?? {
    ...{ have: 1, agreeing: [], differing: [], discounted: [], silent: [] },
  };
  return {
    have,
    need: builders.need,
    agreeing: agreeing.map(({ builderId, adminDomain }) => ({ builderId, adminDomain })),
    differing: differing.map(({ builderId, artifactDigest, difference }) => ({
      builderId,
      artifactDigest,
      difference,
    })),
    discounted: discounted.map(({ builderId, code, detail }) => ({ builderId, code, detail })),
    silent,
  };
}

/** @returns what runs on a target; `text` says it with its age. */
function runsJson(sighting: Sighting, now: Date) {
  const seen = 'observation' in sighting ? sighting.observation : null;
  const when =
    seen === null
      ? ''
      : `, ${seen.sight === 'unknown' ? 'tried' : 'seen'} ${timeText(seen.lookedAt, now)}`;
  return {
    kind: sighting.kind,
    text: `${runsInWords(sighting)}${when}`,
    running: seen?.running ?? [],
    reason: seen?.reason ?? null,
    lookedAt: time(seen?.lookedAt ?? null),
    seenAt: time(seen?.seenAt ?? null),
    since: time(seen?.since ?? null),
  };
}

const liveJson = (live: ShownLive, now: Date) => ({
  target: live.target,
  release: live.release,
  promotion: live.promotionId,
  delivery: live.deliveryId,
  commit: live.commit,
  artifactDigest: live.artifactDigest,
  since: time(live.since),
  runs: runsJson(live.sighting, now),
});

const refusedJson = (item: RefusedItem) => ({
  source: item.source,
  seq: item.seq,
  request: item.requestId,
  claimedTarget: item.claimedTarget,
  code: item.code,
  meaning: item.meaning,
  mend: item.mend,
  receivedAt: time(item.receivedAt),
});

const freezeJson = (freeze: RepositoryFreeze) => ({
  repository: freeze.repository,
  reason: freeze.reason,
  since: time(freeze.since),
});

export function queueJson(queue: QueueView, now: Date) {
  return {
    needsYou: queue.needsYou.map(viewJson),
    inProgress: queue.inProgress.map(viewJson),
    waitingForOthers: queue.waitingForOthers.map(viewJson),
    live: queue.live.map((live) => liveJson(live, now)),
    ended: queue.ended.map(promotionJson),
    refused: queue.refused.map(refusedJson),
    freezes: queue.freezes.map(freezeJson),
  };
}

/** Without lease ids and accessor: nobody who reads needs them, and they name a credential. */
export function leaseJson(session: VaultSession) {
  return {
    id: session.id,
    delivery: session.deliveryId,
    target: session.target,
    state: session.state,
    createdAt: time(session.createdAt),
    sweptUntil: time(session.deadline),
    revokedAt: time(session.revokedAt),
    livedSeconds: livedSeconds(session),
    credentials: session.credentials.map((credential) => ({
      as: credential.name,
      kind: credential.kind,
      path: credential.path,
      ending: credential.ending,
      holder: credential.holder,
      issuedAt: time(credential.issuedAt),
      diesAtLatest: time(credential.diesAt),
      goneAt: time(credential.goneAt),
      trial: credential.trial,
      triedAt: time(credential.triedAt),
    })),
    attempts: session.attempts,
    lastError: session.lastError,
  };
}

/** From the first credential to proven revocation; null as long as one of them is missing. */
export function livedSeconds({
  credentials,
  revokedAt,
}: Pick<VaultSession, 'credentials' | 'revokedAt'>): number | null {
  const issuedAt = credentials[0]?.issuedAt ?? null;
  if (issuedAt === null || revokedAt === null) return null;
  return (revokedAt.getTime() - issuedAt.getTime()) / 1000;
}

export function deliveryJson(
  delivery: Delivery,
  session: VaultSession | null,
  log: readonly DeliveryLogLine[],
) {
  return {
    id: delivery.id,
    promotion: delivery.promotionId,
    target: delivery.target,
    state: delivery.state,
    step: delivery.step,
    startedAt: time(delivery.startedAt),
    hookStartedAt: time(delivery.hookStartedAt),
    hookFinishedAt: time(delivery.hookFinishedAt),
    hookExit: delivery.hookExit,
    verification: delivery.verification,
    hookResult: delivery.hookResult ?? null,
    finishedAt: time(delivery.finishedAt),
    outcomeReason: delivery.outcomeReason,
    leases: session === null ? [] : [leaseJson(session)],
    log: log.map(({ sequence, at, stream, line }) => ({ sequence, at: time(at), stream, line })),
  };
}
