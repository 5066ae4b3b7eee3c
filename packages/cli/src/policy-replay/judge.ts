/** One past promotion under one target file, as of the moment at which it was decided. */
import { authorsOf, personOfRequester } from '@airlock/common/approval/count-approvals';
import type { Seats } from '@airlock/common/approval/fill-seats';
import { explainSeats, type SeatPlan } from '@airlock/common/approval/match-rules';
import { admissionPolicyOf, builderRuleOf } from '@airlock/common/policy/admission-policy';
import { rulesAsked } from '@airlock/common/policy/needed-rules';
import type { NeededRule } from '@airlock/common/policy/target-approvals';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { windowState } from '@airlock/common/policy/target-windows-state';
import { waiverOf } from '@airlock/common/promotion/waiver';
import type { TrustStore } from '@airlock/common/trust/signer';
import type { PastPromotion } from './past-promotions.ts';

export type ReplayCode =
  | 'not-admitted'
  | 'too-old'
  | 'expired'
  | 'window-closed'
  | 'builders-missing'
  | 'editor-unmapped'
  | 'approvals-missing';

export type ReplayReason = { readonly code: ReplayCode; readonly text: string };

export type Judgement = {
  /** Empty where the file would have let it start then. */
  readonly reasons: readonly ReplayReason[];
  readonly rules: readonly NeededRule[];
  readonly seats: SeatPlan;
  /** Builders that must have made the same bytes. */
  readonly builders: number;
  readonly expiresAt: Date;
};

export type JudgedBy = {
  readonly policy: TargetPolicy;
  readonly roster: Roster;
  readonly trust: TrustStore;
};

/** Every reason, not the first. Roles, addresses and keys are those of the roster and the trust file that are given. */
export function judgePast(past: PastPromotion, by: JudgedBy): Judgement {
  const { policy, roster } = by;
  const { at, changes, document } = past;
  const waiver = waiverOf(document);
  const rules = rulesAsked(policy, changes, {
    isReturn: document.return !== undefined,
    waiver: waiver?.kind ?? null,
    ...{ release: past.release, repository: past.repository },
    ...{ subject: past.subject, requester: document.requester },
  });
  const editors = policy.approvals.exclude.includes('policyEditors')
    ? editorsOf(past, roster)
    : null;
  const seats = seatsOf(rules, past, { roster, editors: editors?.people ?? [] });
  const builders = builderRuleOf(policy, past.reproduce);
  const expiresAt = new Date(past.admittedAt.getTime() + policy.approvals.expires * 1000);
  const reasons: ReplayReason[] = admissionReasons(past, policy);
  if (expiresAt <= at) {
    reasons.push({ code: 'expired', text: `it had expired at ${expiresAt.toISOString()}` });
  }
  const window =
    policy.windows === undefined || waiver !== null ? null : windowState(policy.windows, at);
  if (window?.open === false) {
    const why =
      window.denied === null ? 'outside the allowed times' : `denied days "${window.denied}"`;
    const next =
      window.opensAt === null ? 'never open again' : `open ${window.opensAt.toISOString()}`;
    reasons.push({ code: 'window-closed', text: `${why} at ${at.toISOString()}; ${next}` });
  }
  const have = buildersOf(past, { of: builders.of, trust: by.trust });
  if (have < builders.need) {
    reasons.push({
      code: 'builders-missing',
      text: `${have} of ${builders.need} independent builders had made the same bytes`,
    });
  }
  for (const keyid of editors?.unmapped ?? []) {
    reasons.push({
      code: 'editor-unmapped',
      text: `key ${keyid} signed the configuration and is nobody's in roster.yaml`,
    });
  }
  if (seats.have < seats.need) {
    const open = seats.rules
      .filter(({ count, filledBy }) => filledBy.length < count)
      .map(({ role, count, filledBy }) => `${count - filledBy.length} of role ${role}`);
    const group = seats.enough?.join(' and ');
    const way = group === undefined ? 'nobody else in roster.yaml could' : `${group} would do`;
    reasons.push({
      code: 'approvals-missing',
      text: `${seats.have} of ${seats.need} approvals; missing ${open.join(', ')}; ${way}`,
    });
  }
  return { reasons, rules, seats, builders: builders.need, expiresAt };
}

/** Who of those who approved sits where, without those who are too near. @param given.editors who do not count either. */
export function seatsOf(
  rules: readonly Seats[],
  past: PastPromotion,
  { roster, editors }: { readonly roster: Roster; readonly editors: readonly string[] },
): SeatPlan {
  const near = new Set([
    ...authorsOf(roster, past.changes.emails),
    ...editors,
    personOfRequester(roster, past.document.requester)?.id ?? '',
  ]);
  const count = roster.people.filter(({ id }) => !near.has(id));
  const approved = past.approvals.map(({ person }) => person);
  return explainSeats(rules, {
    present: count.filter(({ id }) => approved.includes(id)),
    possible: count.filter(({ id }) => !approved.includes(id)),
  });
}

function editorsOf(
  { configurationKeys }: PastPromotion,
  { people }: Roster,
): { readonly people: readonly string[]; readonly unmapped: readonly string[] } {
  const owns = (keys: readonly string[] | undefined, key: string): boolean =>
    keys?.includes(key) === true;
  return {
    people: people
      .filter(({ configurationKeys: own }) => configurationKeys.some((key) => owns(own, key)))
      .map(({ id }) => id),
    unmapped: configurationKeys.filter(
      (key) => !people.some(({ configurationKeys: own }) => owns(own, key)),
    ),
  };
}

function admissionReasons(past: PastPromotion, policy: TargetPolicy): ReplayReason[] {
  const admits = admissionPolicyOf(policy);
  const reasons = (
    [
      ['repo', past.repository, admits.repository],
      ['pipeline', past.pipeline, admits.pipeline],
      ['subject', past.subject, admits.subjectName],
      ['builders.id', past.builderId, admits.builderId],
    ] as const
  ).flatMap(([key, was, wanted]): ReplayReason[] =>
    was === wanted
      ? []
      : [{ code: 'not-admitted', text: `admits ${key} ${wanted}, and it had ${was}` }],
  );
  const keys = new Set(past.keyIds).size;
  if (keys < admits.threshold) {
    reasons.push({
      code: 'not-admitted',
      text: `its provenance was signed by ${keys} keys, and ${admits.threshold} are asked for`,
    });
  }
  const age = (past.at.getTime() - past.builtAt.getTime()) / 1000;
  if (!(age <= admits.maxAgeSeconds)) {
    reasons.push({
      code: 'too-old',
      text: `its build was ${Math.floor(age)} s old, and maxAge is ${admits.maxAgeSeconds} s`,
    });
  }
  return reasons;
}

/** Builders of as many administrative domains, the main one among them. */
function buildersOf(
  past: PastPromotion,
  { of, trust }: { readonly of: readonly string[]; readonly trust: TrustStore },
): number {
  const domainsOf = (keyid: string): string[] => {
    const domain = trust.signers.get(keyid)?.adminDomain ?? null;
    return domain === null ? [] : [domain];
  };
  const main = new Set(past.keyIds.flatMap(domainsOf));
  const others = past.rebuilds
    .filter(({ builderId }) => of.includes(builderId))
    .flatMap(({ keyId }) => domainsOf(keyId))
    .filter((domain) => !main.has(domain));
  return 1 + new Set(others).size;
}
