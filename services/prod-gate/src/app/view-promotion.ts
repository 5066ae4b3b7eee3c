/**
 * What the pages, the API and the command line show of a promotion: facts, verdict, and where the person who looks stands.
 * For showing only. Authority and deliverer gather their own facts from the signed bytes and decide by those.
 */
import { personOfRequester } from '@airlock/common/approval/count-approvals';
import { admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { checkPlan } from '@airlock/common/verify/check-plan';
import {
  verifyPromotionBundle,
  type BundleResult,
} from '@airlock/common/verify/verify-promotion-bundle';
import { mayReject, standingOf, type Standing } from '../domain/access.ts';
import { mayStart } from '../domain/manual-start.ts';
import { firstsOf, mayHaveFirsts, type Firsts } from '../domain/firsts.ts';
import type { NewerCommits } from '../domain/newer.ts';
import type { Promotion } from '../domain/promotion.ts';
import { personByNameId, type Person } from '../domain/roster.ts';
import { sightingOf, type Sighting } from '../domain/sighting.ts';
import { evaluatePromotion, type PromotionFacts, type Verdict } from '../domain/verdict.ts';
import { allowedImages } from './derive-plan.ts';
import { gatherFacts } from './gather-facts.ts';
import type { Approval, ReplacedDocument } from './approval-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Delivery } from './delivery-ports.ts';
import type { Remark } from '../domain/remark.ts';
import type { PromotionEvidence } from './promotion-ports.ts';
import { askedOnce, type ViewSources } from './view-sources.ts';

/** An approval or rejection as people read it. */
export type ShownDecision = {
  readonly approval: Approval;
  /** Name as the roster has it; the id when the roster has nobody of that id any more. */
  readonly name: string;
  /** Label of the passkey; null for a rejection. */
  readonly passkey: string | null;
};

export type PromotionView = {
  readonly promotion: Promotion;
  readonly facts: PromotionFacts;
  readonly verdict: Verdict;
  readonly decisions: readonly ShownDecision[];
  /** Documents that this one took the place of, oldest first. */
  readonly replaced: readonly ReplacedDocument[];
  readonly delivery: Delivery | null;
  /** Null when the gate has no file for the target any more. */
  readonly policy: TargetPolicy | null;
  /** How many approvals the target asks for; 0 without a target file. */
  readonly need: number;
  /** Name of whoever asked, where the roster knows them. */
  readonly requester: Person | null;
  readonly viewer: {
    readonly standing: Standing | null;
    readonly mayReject: boolean;
    readonly mayStart: boolean;
    /** What this person decided on exactly this document and did not withdraw. */
    readonly decided: Approval['decision'] | null;
    /** Commits of theirs in the delta, newest first. */
    readonly commits: readonly string[];
  };
};

/** A remark as people read it. */
export type ShownRemark = Remark & {
  /** Name as the roster has it; the id when the roster has nobody of that id any more. */
  readonly name: string;
};

/** A view with the signed bytes read and verified once more, for the page of one promotion. */
export type PromotionDetails = PromotionView & {
  readonly evidence: PromotionEvidence;
  /** What people asked and answered, oldest first. */
  readonly remarks: readonly ShownRemark[];
  /** The kernel's answer to the stored bundle now; null without a target file. */
  readonly bundle: BundleResult | null;
  /** What nothing had that was delivered to the target before. */
  readonly firsts: Firsts;
  /** What main has beyond it; null before intake looked, and of what no longer waits. */
  readonly newer: NewerCommits | null;
  /** What runs on the target while this one waits, beside what is live there; null where nothing is, and of what no longer waits. */
  readonly sighting: Sighting | null;
  /** The promotion that is live on the target while this one waits; null when nothing is, and of what no longer waits. */
  readonly previous: Promotion | null;
};

/** Null when there is no such promotion. */
export async function viewPromotion(
  stores: ViewSources,
  question: { readonly promotionId: string; readonly nameId: string; readonly now: Date },
): Promise<PromotionView | null> {
  const sources = askedOnce(stores);
  const { promotionId, nameId, now } = question;
  const [promotion, facts, files, approvals, delivery, replaced] = await Promise.all([
    sources.promotions.find(promotionId),
    gatherFacts(sources, { promotionId, now, own: null }),
    sources.files(),
    sources.approvals.of(promotionId),
    sources.deliveries.ofPromotion(promotionId),
    sources.replaced.of(promotionId),
  ]);
  if (promotion === null || facts === null) return null;
  const policy = files.targets.get(promotion.target)?.policy ?? null;
  return {
    promotion,
    facts,
    verdict: evaluatePromotion(facts),
    decisions: await shownDecisions(sources, files, approvals),
    replaced,
    delivery,
    policy,
    need: facts.approvals.need,
    requester: personOfRequester(files.roster.roster, promotion.requester),
    viewer: viewerOf({ promotion, facts, files, policy, approvals, nameId }),
  };
}

/** As `viewPromotion`, and the stored bundle through the kernel. */
export async function viewPromotionDetails(
  stores: ViewSources,
  question: { readonly promotionId: string; readonly nameId: string; readonly now: Date },
): Promise<PromotionDetails | null> {
  const sources = askedOnce(stores);
  const [view, evidence, files, remarks] = await Promise.all([
    viewPromotion(sources, question),
    sources.promotions.evidence(question.promotionId),
    sources.files(),
    sources.remarks.of(question.promotionId),
  ]);
  if (view === null || evidence === null) return null;
  const { promotion, policy } = view;
  const bundle =
    policy === null
      ? null
      : verifyPromotionBundle({
          bundle: evidence.bundle,
          artifact: { sha256: promotion.artifactDigest },
          target: promotion.target,
          policies: new Map([[promotion.target, admissionPolicyOf(policy)]]),
          trust: files.trust,
          // Only what still waits has to be fresh; what ended is shown as it was taken in.
          now: promotion.state === 'waiting' ? question.now : promotion.admittedAt,
          receivedAt: promotion.admittedAt,
        });
  const isJudged = bundle?.ok === true && policy !== null && promotion.state === 'waiting';
  const waits = promotion.state === 'waiting';
  const [newer, live, observation, firsts] = waits
    ? await Promise.all([
        sources.newer.of(promotion.id),
        sources.promotions.liveOn(promotion.target),
        sources.observations.of(promotion.target),
        mayHaveFirsts(promotion) ? sources.traces.firsts(promotion.id, promotion.target) : [],
      ])
    : [null, null, null, []];
  return {
    ...view,
    evidence,
    remarks: remarks.map((remark) => ({ ...remark, name: nameOf(files, remark.person) })),
    bundle: isJudged ? judgedRunner(bundle, policy) : bundle,
    firsts: firstsOf(promotion, firsts),
    newer,
    sighting:
      live === null
        ? null
        : sightingOf({ ...live, observe: policy?.observe, observation, now: question.now }),
    previous: live === null ? null : await sources.promotions.find(live.promotionId),
  };
}

/** What can be said of plan and runner without a mirror: that a plan is stated, and that the runner is still allowed. */
function judgedRunner(
  result: Extract<BundleResult, { ok: true }>,
  policy: TargetPolicy,
): BundleResult {
  const { bundle } = result;
  const known = { planDigest: bundle.planDigest ?? '', images: allowedImages(policy) };
  return checkPlan(bundle, known) ?? result;
}

function viewerOf(given: {
  promotion: Promotion;
  facts: PromotionFacts;
  files: GateFiles;
  policy: TargetPolicy | null;
  approvals: readonly Approval[];
  nameId: string;
}): PromotionView['viewer'] {
  const { promotion, facts, files, policy, approvals } = given;
  const { roster } = files.roster;
  const person = personByNameId(roster, given.nameId);
  const mine = approvals.find(
    (approval) =>
      approval.person === person?.id &&
      approval.promotionDigest === promotion.promotionDigest &&
      approval.withdrawn === null,
  );
  const { rules, editors } = facts.approvals;
  const nearness = { requester: promotion.requester, emails: promotion.delta.emails, editors };
  return {
    standing:
      person === null || policy === null
        ? null
        : standingOf(person, { rules, roster, promotion: nearness }),
    mayReject: person !== null && policy !== null && mayReject(person, policy),
    mayStart: person !== null && policy !== null && mayStart(person, policy),
    decided: mine?.decision ?? null,
    commits: promotion.delta.commits
      .filter(
        ({ authorEmail, committerEmail }) =>
          person?.gitEmails.includes(authorEmail) === true ||
          person?.gitEmails.includes(committerEmail) === true,
      )
      .map(({ commit }) => commit),
  };
}

async function shownDecisions(
  sources: ViewSources,
  files: GateFiles,
  approvals: readonly Approval[],
): Promise<ShownDecision[]> {
  const ids = approvals.flatMap(({ signed }) => (signed === null ? [] : [signed.credentialId]));
  const passkeys = await sources.passkeys.findMany([...new Set(ids)]);
  return approvals.map((approval) => ({
    approval,
    name: nameOf(files, approval.person),
    passkey:
      passkeys.find(({ credentialId }) => credentialId === approval.signed?.credentialId)?.label ??
      null,
  }));
}

/** Name of a person of the roster; the id itself when it is nobody's any more. */
export function nameOf(files: Pick<GateFiles, 'roster'>, id: string): string {
  return files.roster.roster.people.find((person) => person.id === id)?.name ?? id;
}
