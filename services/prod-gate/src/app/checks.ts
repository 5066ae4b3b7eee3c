/**
 * The verdict taken apart for people: every check by name, how it stands, and by what evidence. Each reason of a denial
 * belongs to exactly one check, so that what is said on top is always found again below.
 */
import { readPathOf } from '@airlock/common/policy/target-credentials';
import { membersInWords } from '../domain/document-members.ts';
import { plannedLife } from '../domain/planned-credentials.ts';
import { mostUrgentFirst, sentenceOf, type Sentence } from '../domain/sentences.ts';
import { contractCode, type DenialCode, type DenialReason } from '../domain/verdict.ts';
import type { PromotionDetails, ShownDecision } from './view-promotion.ts';

export const checkIds = [
  'approvals',
  'signature',
  'main',
  'provenance',
  'artifact',
  'builders',
  'tests',
  'authors',
  'hook',
  'policy',
  'order',
  'credentials',
  'ledger',
] as const;
export type CheckId = (typeof checkIds)[number];

export type CheckStatus = 'pass' | 'fail' | 'wait' | 'error' | 'skip';

export type Evidence = {
  readonly label: string;
  readonly value: string;
  /** Where the fact comes from, when it is not the gate's own. */
  readonly source?: string;
  /** Why it is void, in the brackets that end the value: the rest is shown struck out. */
  readonly struck?: string;
};

export type Check = {
  readonly id: CheckId;
  readonly title: string;
  readonly status: CheckStatus;
  readonly summary: string;
  /** What is against it, most urgent first; none where nothing is. */
  readonly reasons: readonly CheckReason[];
  readonly evidence: readonly Evidence[];
};

/** A reason of the verdict, by the code that logs, API and ledger give. */
export type CheckReason = Sentence & { readonly code: string };

/** What nonprod says of itself and nobody here can check. */
export const reported = 'as reported by non-prod, not verified';

const titles: Readonly<Record<CheckId, string>> = {
  approvals: 'Approvals',
  signature: 'Signature',
  main: 'Commit is on main',
  provenance: 'Provenance',
  artifact: 'Artifact digest',
  builders: 'Independent builders',
  tests: 'Tests',
  authors: 'Authors known',
  hook: 'Deploy hook unchanged',
  policy: 'Policy and roster unchanged',
  order: 'Order',
  credentials: 'Credential state',
  ledger: 'Ledger',
};

const checkOfReason: Readonly<Record<Exclude<DenialCode, 'E_BUNDLE_REFUSED'>, CheckId>> = {
  E_NOT_WAITING: 'order',
  E_PROMOTION_EXPIRED: 'order',
  E_APPROVALS_MISSING: 'approvals',
  E_REJECTED: 'approvals',
  E_TARGET_UNKNOWN: 'policy',
  E_POLICY_CHANGED: 'policy',
  E_ROSTER_CHANGED: 'policy',
  E_EDITORS_CHANGED: 'policy',
  E_HOOK_DIGEST: 'hook',
  E_HOOK_MISSING: 'hook',
  E_BASE_CHANGED: 'order',
  E_DOCUMENT_DIFFERS: 'policy',
  E_ARTIFACT_MISSING: 'artifact',
  E_REBUILD_MISSING: 'builders',
  E_REBUILD_DIFFERS: 'builders',
  E_REPOSITORY_FROZEN: 'main',
  E_WINDOW_CLOSED: 'order',
  E_COOLING: 'order',
  E_START_AWAITED: 'order',
  E_OLDER_FIRST: 'order',
  E_TARGET_BUSY: 'order',
  E_CREDENTIAL_PENDING: 'credentials',
  E_CREDENTIAL_OUTLIVES: 'credentials',
  E_ROLLBACK_UNAPPROVED: 'order',
  E_RETURN_UNPROVEN: 'order',
  E_LIVE_DIFFERS: 'order',
  E_AUTHOR_UNMAPPED: 'authors',
  E_EDITOR_UNMAPPED: 'authors',
  E_LEDGER_UNAVAILABLE: 'ledger',
  E_CONFIGURATION_ROLLBACK: 'policy',
  E_CONFIGURATION_UNRECORDED: 'policy',
  E_LEDGER_INCONSISTENT: 'ledger',
  E_STOPPED: 'order',
  E_EMERGENCY_STOP: 'order',
};

/** Faults of the bundle by the check that they are about; whatever is not listed is about the envelope itself. */
const checkOfBundleCode: readonly (readonly [RegExp, CheckId])[] = [
  [/^E_(TESTS|SUBJECT_SPLIT)/, 'tests'],
  [/^E_GIT_/, 'main'],
  [/^E_ARTIFACT_/, 'artifact'],
  [
    /^E_(PROVENANCE|BUILD|EXT_|REPO|REF|PIPELINE_|PLAN_|RUNNER_IMAGE|RELEASE_|SUBJECT_NAME|SOURCE_|COMMIT_|TIME_|STALE)/,
    'provenance',
  ],
];

function checkOf(reason: DenialReason): CheckId {
  if (reason.code !== 'E_BUNDLE_REFUSED') return checkOfReason[reason.code];
  return (
    checkOfBundleCode.find(([pattern]) => pattern.test(reason.admissionCode))?.[1] ?? 'signature'
  );
}

const statusOfKind = { person: 'wait', time: 'wait', fix: 'fail', system: 'error' } as const;

/** All checks in the order of the page. What has ended is shown as it was recorded, not judged anew. */
export function checksOf(view: PromotionDetails): readonly Check[] {
  const told = toldAgainst(view);
  const refused = view.bundle?.ok === false ? view.bundle : null;
  const waits = view.promotion.state === 'waiting';
  return checkIds.map((id) => {
    const evidence = evidenceOf[id](view);
    const title = titles[id];
    const reasons = told
      .filter((reason) => checkOf(reason) === id)
      .map((reason) => ({ code: contractCode(reason), ...sentenceOf(reason) }))
      .sort(mostUrgentFirst);
    const [worst] = reasons;
    if (worst !== undefined) {
      return {
        ...{ id, title, evidence, reasons },
        status: statusOfKind[worst.kind],
        summary: reasons.map(({ text }) => text).join(' '),
      };
    }
    if (refused !== null && dependsOnBundle.has(id)) {
      return {
        id,
        title,
        status: 'skip',
        summary: 'not judged: the signed bundle does not pass',
        reasons,
        evidence: [],
      };
    }
    if (!waits && judgedAtStart.has(id)) {
      return {
        id,
        title,
        status: 'skip',
        summary: ended[view.promotion.state === 'delivering' ? 'running' : 'over'],
        reasons,
        evidence,
      };
    }
    return { id, title, ...passed[id](view), reasons, evidence };
  });
}

/** A promotion that no longer waits has one reason against it, which its banner says; today's others are not its own. */
function toldAgainst(view: PromotionDetails): readonly DenialReason[] {
  const { verdict, bundle, promotion } = view;
  if (promotion.state !== 'waiting') return [];
  const reasons: DenialReason[] = verdict.allowed ? [] : [...verdict.reasons];
  if (bundle?.ok === false && !reasons.some(({ code }) => code === 'E_BUNDLE_REFUSED')) {
    reasons.push({ code: 'E_BUNDLE_REFUSED', admissionCode: bundle.code, detail: bundle.detail });
  }
  return reasons;
}

const dependsOnBundle: ReadonlySet<CheckId> = new Set([
  'signature',
  'provenance',
  'builders',
  'tests',
]);
const judgedAtStart: ReadonlySet<CheckId> = new Set(['hook', 'policy', 'order', 'credentials']);
const ended = {
  running: 'judged by authority and deliverer, each for itself, when the delivery began',
  over: 'no longer asked: this promotion has ended',
};

/** What an approver has to know where nobody built again. */
export const oneBuilder =
  'Bytes rest on one builder: whoever owns the main runner or its signer can deliver bytes that main did not build.';
const builderNumbers = [
  'no',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
];

type Passed = { readonly status: 'pass' | 'skip' | 'wait'; readonly summary: string };

const passed: Readonly<Record<CheckId, (view: PromotionDetails) => Passed>> = {
  approvals(view) {
    const have = approvedBy(view).length;
    if (view.promotion.state === 'waiting') {
      return { status: 'pass', summary: `${view.facts.approvals.have} of ${view.need}` };
    }
    return {
      status: have >= view.need && view.need > 0 ? 'pass' : 'skip',
      summary: `${have} of ${view.need} on record`,
    };
  },
  signature: ({ promotion: { keyIds } }) => ({
    status: 'pass',
    summary: `DSSE by ${keyIds.length === 1 ? 'a pinned key' : `${keyIds.length} pinned keys`}, verified again from the stored bytes`,
  }),
  main: ({ promotion }) => ({
    status: 'pass',
    summary: `the gate’s own mirror has ${promotion.commit.slice(0, 8)} at place ${promotion.mainPosition} of main’s first-parent line`,
  }),
  provenance: ({ promotion }) => ({
    status: 'pass',
    summary: `SLSA v1 by ${promotion.builderId}, no parameters but the four known; the plan that ran is the one that the gate compiled from its own mirror`,
  }),
  artifact: ({ promotion }) => ({
    status: 'pass',
    summary: `${promotion.subjectName} hashed at the gate while it was stored`,
  }),
  builders: ({ facts: { builders } }) =>
    (builders.count?.have ?? 1) > 1
      ? {
          status: 'pass',
          summary: `${builderNumbers[builders.count?.have ?? 0] ?? 'several'} independent builders made the same bytes`,
        }
      : { status: 'skip', summary: 'nobody built again: the bytes rest on one builder' },
  tests: ({ policy }) =>
    policy?.admits[0]?.tests === 'required'
      ? { status: 'pass', summary: 'a signed test result for exactly this artifact says passed' }
      : { status: 'skip', summary: 'not required for this target' },
  authors: ({ promotion: { delta } }) => ({
    status: 'pass',
    summary:
      delta.emails.length === 0
        ? 'no commit changes'
        : `every author and committer is somebody in the roster (${delta.emails.length} ${delta.emails.length === 1 ? 'address' : 'addresses'})`,
  }),
  hook: ({ promotion }) => ({
    status: 'pass',
    summary: promotion.hook.slice(0, promotion.hook.indexOf('@')),
  }),
  policy: () => ({
    status: 'pass',
    summary: 'target file and roster are those that approvers sign',
  }),
  order: ({ facts }) => ({
    status: 'pass',
    summary: `nothing else is being delivered; ${facts.returning !== null ? 'by the ledger this was live here before, and every migration since has its answer' : facts.live === null ? 'nothing is live yet' : `not older than ${facts.live.release}, which is live`}`,
  }),
  credentials: () => ({ status: 'pass', summary: 'no credential of an earlier delivery is left' }),
  ledger: () => ({
    status: 'pass',
    summary: 'the admission stands in the ledger under a signed checkpoint',
  }),
};

/** Distinct people whose approval of exactly this document is on record. */
export function approvedBy(view: Pick<PromotionDetails, 'promotion' | 'decisions'>): string[] {
  const people = view.decisions
    .filter(
      ({ approval }) =>
        approval.decision === 'approve' &&
        approval.withdrawn === null &&
        approval.promotionDigest === view.promotion.promotionDigest,
    )
    .map(({ approval }) => approval.person);
  return [...new Set(people)];
}

/** Whether it will never count again, whatever becomes known. */
function isVoid({ promotion }: PromotionDetails, { approval }: ShownDecision): boolean {
  const { withdrawn, promotionDigest } = approval;
  return withdrawn !== null || promotionDigest !== promotion.promotionDigest;
}

function whyVoid({ replaced }: PromotionDetails, promotionDigest: string): string {
  const found = replaced.find((document) => document.promotionDigest === promotionDigest);
  if (found === undefined) return 'does not count any more: the promotion changed after it';
  return `does not count any more; changed ${at(found.replacedAt)}: ${membersInWords(found.changed)}`;
}

/** What a decision is worth now, in words; null when it counts. */
export function discount(view: PromotionDetails, shown: ShownDecision): string | null {
  const { approval } = shown;
  const { promotion, facts } = view;
  if (approval.decision === 'reject') return null;
  if (approval.withdrawn !== null) {
    const { reason } = approval.withdrawn;
    return `withdrawn ${at(approval.withdrawn.at)}${reason === '' ? '' : `: “${reason}”`}`;
  }
  if (approval.promotionDigest !== promotion.promotionDigest) {
    return whyVoid(view, approval.promotionDigest);
  }
  if (promotion.state !== 'waiting' || facts.approvals.counting.includes(approval.person))
    return null;
  const fault = facts.approvals.discounted.find(({ person }) => person === approval.person);
  return fault === undefined
    ? 'does not count yet: the enrolment of its passkey is on its way into the ledger'
    : `does not count: ${fault.detail} (${fault.code})`;
}

/** Intake compared the plan with its mirror before it admitted anything; this process has none to look again. */
function planEvidence(bundle: PromotionDetails['bundle']): Evidence[] {
  if (bundle?.ok !== true) return [];
  const { planDigest, runnerImages } = bundle.bundle;
  return [
    {
      label: 'Plan',
      value:
        planDigest === null
          ? 'not stated'
          : `sha256:${planDigest}, the same as the gate compiled from its own mirror’s files when it was taken in; authority and deliverer compile it again`,
    },
    ...runnerImages.map((image) => ({
      label: 'Runner software',
      value: `sha256:${image}, listed in the target file`,
    })),
  ];
}

const at = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

const evidenceOf: Readonly<Record<CheckId, (view: PromotionDetails) => readonly Evidence[]>> = {
  approvals: (view) =>
    view.decisions.map((shown) => {
      const { approval, name, passkey } = shown;
      const verb = approval.decision === 'approve' ? 'approved' : 'rejected';
      const by = passkey === null ? '' : ` with passkey “${passkey}”`;
      const note = approval.note === '' ? '' : ` — “${approval.note}”`;
      const worth = discount(view, shown);
      return {
        label: name,
        ...(worth !== null && isVoid(view, shown) ? { struck: worth } : {}),
        value: `${verb} ${at(approval.createdAt)}${by} over ${approval.promotionDigest.slice(0, 12)}…${note}${worth === null ? '' : ` (${worth})`}`,
      };
    }),
  signature: ({ promotion, bundle }) => [
    { label: 'Keys', value: promotion.keyIds.join(', ') },
    { label: 'Envelope', value: `sha256:${promotion.envelopeDigest}` },
    { label: 'Bundle', value: `sha256:${promotion.bundleDigest}` },
    ...(bundle?.ok === false ? [{ label: bundle.code, value: bundle.detail }] : []),
  ],
  main: ({ promotion, policy }) => [
    { label: 'Repository', value: promotion.repository },
    { label: 'Commit', value: promotion.commit },
    {
      label: 'Signature',
      value:
        policy?.admits[0]?.signedCommits === 'required'
          ? 'by a key of the roster that was valid when main first had the commit'
          : 'not required for this target',
    },
    {
      label: 'Seen',
      value: `${at(promotion.admittedAt)}, when it was taken in; authority and deliverer look again before a delivery`,
    },
  ],
  provenance: ({ promotion, bundle }) => [
    { label: 'Builder', value: promotion.builderId },
    { label: 'Pipeline', value: promotion.pipeline },
    ...planEvidence(bundle),
    { label: 'Payload', value: `sha256:${promotion.provenanceDigest}` },
    { label: 'Run', value: promotion.invocationId, source: reported },
    { label: 'Built', value: at(promotion.builtAt), source: reported },
  ],
  artifact: ({ promotion }) => [
    { label: 'Digest', value: `sha256:${promotion.artifactDigest}` },
    { label: 'Size', value: `${promotion.artifactSize} bytes` },
  ],
  builders: ({ promotion, facts: { builders } }) => [
    { label: 'Main builder', value: promotion.builderId },
    { label: 'Its artifact', value: `sha256:${promotion.artifactDigest}` },
    ...(builders.count?.agreeing ?? []).map(({ builderId, adminDomain }) => ({
      label: 'Same bytes',
      value: `${builderId}, administered by ${adminDomain}, by its own signature`,
    })),
    ...(builders.count?.differing ?? []).map(({ builderId, artifactDigest }) => ({
      label: 'Other bytes',
      value: `${builderId} made sha256:${artifactDigest}`,
    })),
    ...(builders.count?.discounted ?? []).map(({ builderId, code, detail }) => ({
      label: 'Does not count',
      value: `${builderId ?? 'an answer that nobody signed'}: ${detail} (${code})`,
    })),
    ...(builders.count?.silent ?? []).map((builderId) => ({
      label: 'No answer yet',
      value: builderId,
    })),
  ],
  tests: ({ policy }) =>
    policy?.admits[0]?.tests === 'required'
      ? [
          {
            label: 'What ran',
            value: 'a result signed by the test key of non-prod',
            source: reported,
          },
        ]
      : [],
  authors: ({ promotion: { delta } }) =>
    delta.emails.map((email) => ({ label: 'Address', value: email })),
  hook: ({ promotion }) => [{ label: 'Pinned', value: promotion.hook }],
  policy: ({ promotion }) => [{ label: 'Target file', value: `sha256:${promotion.policyDigest}` }],
  order: ({ promotion, facts }) => [
    { label: 'Place on main', value: String(promotion.mainPosition) },
    {
      label: 'Live',
      value:
        facts.live === null ? 'nothing' : `${facts.live.release} at ${facts.live.mainPosition}`,
    },
    { label: 'Waits until', value: at(promotion.expiresAt) },
  ],
  credentials: ({ policy }) =>
    policy === null
      ? []
      : policy.credentials.vault.reads.map((read) => ({
          label: `Will ask for ${read.as}`,
          value: `${readPathOf(read)}, ${plannedLife(read, policy.credentials.vault)}`,
        })),
  ledger: ({ facts }) =>
    facts.ledgerFault === null ? [] : [{ label: 'Fault', value: facts.ledgerFault }],
};
