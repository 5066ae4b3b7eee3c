/**
 * Collects what the verdict is made of. Nothing is believed because a row says so where it can be verified: approvals and
 * enrolments always, the bundle and the changes wherever the process has the gate's mirror (authority, deliverer).
 */
import {
  countApprovals,
  enrolmentDigest,
  type KeptApproval,
} from '@airlock/common/approval/count-approvals';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { AirlockError } from '@airlock/common/errors';
import { admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { windowState } from '@airlock/common/policy/target-windows-state';
import type { BreakGlass } from '@airlock/common/promotion/break-glass';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import {
  decisionAsked,
  parsePromotionDocument,
  promotionDigest,
  type PromotionDocument,
  type ReturnOrder,
} from '@airlock/common/promotion/document';
import {
  decideAdmission,
  verifyPromotionBundle,
  type AdmittedFacts,
  type BundleFacts,
} from '@airlock/common/verify/verify-promotion-bundle';
import { reproduceWish } from '@airlock/pipeline/release-file';
import { explainSeats } from '@airlock/common/approval/match-rules';
import { eligibleApprovers, rulesFor } from '../domain/access.ts';
import { coolingLeft } from '../domain/cooling.ts';
import type { Delta } from '../domain/delta.ts';
import { policyEditors, type PolicyEditors } from '../domain/editors.ts';
import type { LedgerFacts, ProvenRelease } from '../domain/ledger-facts.ts';
import { ledgerFreeze } from '../domain/ledger-freeze.ts';
import type { Promotion } from '../domain/promotion.ts';
import { returnFault } from '../domain/return.ts';
import { peopleOfEmails } from '../domain/roster.ts';
import { holds } from '../domain/stop.ts';
import { placerOf } from '../domain/stop-words.ts';
import { matterText } from '../domain/matter.ts';
import { buildWordsOf, mattersOf, tracesOf } from '../domain/trace.ts';
import type { PromotionFacts, Refusal, ShadowFacts } from '../domain/verdict.ts';
import { commitFacts } from './commit-facts.ts';
import { countPromotionBuilders } from './count-promotion-builders.ts';
import { planFault } from './derive-plan.ts';
import type { GitReader } from './intake-ports.ts';
import { makeDocument, type DocumentFacts } from './make-document.ts';
import type {
  Approval,
  ApprovalStore,
  DeliveryStore,
  GateFiles,
  Passkey,
  PasskeyStore,
  PromotionEvidence,
  PromotionStore,
  RebuildStore,
  SignedApproval,
  VaultSessionStore,
} from './ports.ts';
import type { ConfigurationProof } from './prove-configuration.ts';
import { readDelta, readReturnDelta } from './read-delta.ts';
import { readReturnGround } from './return-ground.ts';
import type { EmergencyStop, StopStore } from './stop-ports.ts';
import { packageMatters, readStops } from './watch-stops.ts';
import type { LedgerProofs } from './prove-entry.ts';

export type FactSources = {
  /** Origin of the gate, such as https://gate.example: in the document, and the only origin of passkeys. */
  gate: string;
  files(): Promise<GateFiles>;
  promotions: Pick<PromotionStore, 'find' | 'evidence' | 'liveOn' | 'freezeOf'>;
  approvals: Pick<ApprovalStore, 'of'>;
  passkeys: Pick<PasskeyStore, 'findMany'>;
  deliveries: Pick<DeliveryStore, 'runningOn'>;
  sessions: Pick<VaultSessionStore, 'uncleanOn'>;
  rebuilds: Pick<RebuildStore, 'of'>;
  stops: Pick<StopStore, 'recent'>;
  emergency: EmergencyStop;
  /** Whether a lockfile of the promotion's commit locks this package; null where that is not known. */
  locks: (
    promotion: Pick<Promotion, 'id' | 'repository' | 'commit'>,
    purl: string,
  ) => Promise<boolean | null>;
  proofs: LedgerProofs;
  configuration: ConfigurationProof;
  artifacts: { has(digest: string): Promise<boolean> };
  /**
   * The gate's mirror of a repository; undefined when it has none. Null for a process that shows and does not decide: then
   * what git says is intake's record.
   */
  git: ((repository: string) => GitReader | undefined) | null;
};

export type FactQuestion = {
  promotionId: string;
  now: Date;
  /**
   * The delivery on whose behalf is asked: its promotion may be `delivering`, and it and its Vault session do not count as
   * another delivery on the target. Null before a delivery has begun.
   */
  own: { deliveryId: string; sessionId?: string } | null;
};

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
    live,
    liveDiffers: 'fault' in ledger ? null : difference(row, live),
    ledgerFault: 'fault' in ledger ? ledger.fault : admission,
    configurationFault,
    ledgerFreeze: frozenLedger,
    emergencyStop: sources.emergency(),
  };
  const stopsOf = (matters: readonly string[]): Promise<PromotionFacts['stops']> =>
    stopsAgainst(sources, {
      ...{ ledger, files, now, delivery: own?.deliveryId ?? null },
      promotion,
      matters,
    });
  if (target === undefined) {
    const traces = tracesOf(promotion, buildWordsOf(evidence.bundle));
    const stops = await stopsOf(mattersOf(traces, files.roster.roster));
    return { ...shared, ...nothingKnown, stops };
  }

  // A page shows what has ended as it was taken in; what decides asks as of now.
  const asOf = sources.git === null && promotion.state !== 'waiting' ? promotion.admittedAt : now;
  const returning = await returningOf(sources, { promotion, live, ledger });
  const receivedAt = returning?.receivedAt ?? promotion.admittedAt;
  const checked = await verifyAgain(sources, {
    ...{ promotion, evidence, files, now: asOf, receivedAt, live, ledger },
  });
  const { unmapped } = peopleOfEmails(files.roster.roster, checked.delta.emails);
  const editors = editorsOf(files, target.policy, ledger, live);
  const standing = approvals.filter((approval) => stands(approval, ledger));
  const breakGlass = breakGlassIn(evidence, files, target.policy);
  const isBreakGlass = breakGlass !== null;
  const asked = { promotion, files, now, checked, isBreakGlass, approvals: standing };
  const approvalFacts = await judge(sources, {
    ...{ ...asked, policy: target.policy, editors: editors.people ?? [] },
  });
  const builders = await countPromotionBuilders(sources, {
    // Whoever built it again was asked when it first came.
    ...{ promotionId: rebuiltFor(promotion), build: checked.build, wish: checked.wish },
    ...{ policy: target.policy, trust: files.trust, now: asOf },
  });
  const { shadow } = target.policy;
  return {
    ...shared,
    stops: await stopsOf(
      restingOn(promotion, {
        ...{ evidence, checked, builders, roster: files.roster.roster },
        approvers: approvalFacts.counting,
      }),
    ),
    targetKnown: true,
    returning: returning === null ? null : { fault: returning.fault },
    changed: changes(sources, {
      ...{ promotion, evidence, files, live, editors, breakGlass },
      ...checked,
    }),
    breakGlass,
    hookDigest: await files.hookDigest(hookName(promotion.hook)),
    bundle: checked.bundle,
    builders,
    windowClosed:
      promotion.returns !== null && target.policy.rollback?.skipWindow === true
        ? null
        : closedWindow(target.policy, now),
    cooling: coolingLeft({
      // What is live is not well: it is taken back at once.
      seconds: promotion.returns === null ? target.policy.deliver.cooling : undefined,
      announcedAt: 'fault' in ledger ? null : ledger.facts.announcedAt(promotion.promotionDigest),
      now,
    }),
    unmappedEmails: unmapped,
    unmappedEditors: editors.unmapped,
    approvals: approvalFacts,
    // They are on trial for deliveries; a return and break-glass have approvals of their own.
    ...(shadow === undefined || returning !== null || isBreakGlass
      ? {}
      : {
          shadow: await shadowFacts(
            sources,
            { ...target.policy, ...shadow },
            { ...asked, policyDigest: target.digest, ledger, live },
          ),
        }),
  };
}

/** Null for a promotion that goes on along main. */
async function returningOf(
  sources: FactSources,
  given: { promotion: Promotion; live: ProvenRelease | null; ledger: LedgerAnswer },
): Promise<{ readonly receivedAt: Date | null; readonly fault: string | null } | null> {
  const { promotion, live, ledger } = given;
  const { returns } = promotion;
  if (returns === null) return null;
  // Said once, as the ledger's fault; nothing is returned to while it stands.
  if ('fault' in ledger) return { receivedAt: null, fault: 'the ledger cannot be proven' };
  const read = await readReturnGround(sources, ledger.facts, {
    ...{ target: promotion.target, delivery: returns.delivery, own: promotion.id },
  });
  if ('fault' in read) return { receivedAt: null, fault: read.fault };
  return {
    receivedAt: read.ground.first.admittedAt,
    fault: returnFault(read.ground, { ...promotion, returns }, live?.deliveryId ?? null),
  };
}

/** The promotion whose rebuilds vouch for these bytes. */
export const rebuiltFor = ({ id, returns }: Pick<Promotion, 'id' | 'returns'>): string =>
  returns?.promotion ?? id;

type LedgerAnswer = { readonly facts: LedgerFacts } | { readonly fault: string };

async function ledgerFacts({ proofs }: FactSources): Promise<LedgerAnswer> {
  try {
    return { facts: await proofs.facts() };
  } catch (cause) {
    if (cause instanceof LedgerError) return { fault: `${cause.code}: ${cause.message}` };
    throw cause;
  }
}

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

/** None while no ledger can be proven: nothing is delivered then, and what was lifted is not known. */
async function stopsAgainst(
  sources: Pick<FactSources, 'stops' | 'locks'>,
  given: {
    ledger: LedgerAnswer;
    files: GateFiles;
    now: Date;
    promotion: Promotion;
    /** All but its packages, which are looked for while one is in quarantine. */
    matters: readonly string[];
    delivery: string | null;
  },
): Promise<PromotionFacts['stops']> {
  if ('fault' in given.ledger) return [];
  const { people } = given.files.roster.roster;
  const inForce = await readStops(sources.stops, given.ledger.facts, given.now);
  const packages = await packageMatters(inForce, (purl) => sources.locks(given.promotion, purl));
  const promotion = { ...given.promotion, matters: [...given.matters, ...packages] };
  return inForce
    .filter((stop) => holds(stop, promotion, given.delivery))
    .map(({ id, kind, matter, person, reason, placedAt, until }) => ({
      ...{ stop: id, kind, matter, reason, since: placedAt, until },
      person: people.find((each) => each.id === person)?.name ?? placerOf(person),
    }));
}

/** What it rests on, by the kernel's word where there is one: a row could leave a distrusted key out. */
function restingOn(
  promotion: Promotion,
  given: {
    evidence: PromotionEvidence;
    checked: Checked;
    builders: PromotionFacts['builders'];
    approvers: readonly string[];
    roster: Roster;
  },
): readonly string[] {
  const { build, facts, delta } = given.checked;
  const traces = tracesOf(
    { ...promotion, ...build, requester: facts.requester, delta },
    build === null
      ? buildWordsOf(given.evidence.bundle)
      : { runner: build.claimedRunner, images: build.runnerImages },
  );
  return [
    ...mattersOf(traces, given.roster),
    // Whoever else it rests on: their word or their hand is what lets it through.
    ...(given.builders.count?.agreeing ?? []).flatMap(({ builderId, keyIds }) => [
      matterText({ kind: 'builder', value: builderId }),
      ...keyIds.map((value) => matterText({ kind: 'key', value })),
    ]),
    ...given.approvers.map((value) => matterText({ kind: 'person', value })),
  ];
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
  breakGlass: null,
  unmappedEmails: [],
  unmappedEditors: [],
  approvals: {
    ...{ have: 0, need: 0, rules: [], counting: [], discounted: [] },
    ...{ eligible: [], enough: null, editors: [] },
  },
} as const;

type Checked = {
  readonly bundle: PromotionFacts['bundle'];
  /** Verified ones where the bundle was, the row's otherwise. */
  readonly facts: DocumentFacts;
  readonly delta: Delta;
  /** What the main builder signed; null when its bundle does not pass. */
  readonly build: BundleFacts | null;
  /** Builders that the release file at the commit asks for, as the row says where there is no mirror. */
  readonly wish: number;
};

/** Runs the bundle through the kernel again, with the key windows as of its admission and revocation and age as of now. */
async function verifyAgain(
  sources: FactSources,
  given: {
    promotion: Promotion;
    evidence: PromotionEvidence;
    files: GateFiles;
    now: Date;
    receivedAt: Date;
    live: ProvenRelease | null;
    ledger: LedgerAnswer;
  },
): Promise<Checked> {
  const { promotion, files, now, live, ledger } = given;
  const recorded = {
    ...{ facts: promotion, delta: promotion.delta },
    ...{ build: null, wish: promotion.reproduce },
  };
  const refused = (code: string, detail: string): Checked => {
    const bundle: Refusal = { ok: false, code, detail };
    return { bundle, ...recorded };
  };
  const target = files.targets.get(promotion.target);
  const git = sources.git?.(promotion.repository);
  if (target === undefined || (sources.git !== null && git === undefined)) {
    return refused('E_GIT_UNKNOWN', `this gate has no mirror of ${promotion.repository}`);
  }
  // Said once, as the ledger's fault.
  if ('fault' in ledger) return { bundle: null, ...recorded };
  const policy = admissionPolicyOf(target.policy);
  const verified = verifyPromotionBundle({
    bundle: given.evidence.bundle,
    artifact: { sha256: promotion.artifactDigest },
    target: promotion.target,
    policies: new Map([[promotion.target, policy]]),
    trust: files.trust,
    now,
    receivedAt: given.receivedAt,
  });
  // Without a mirror, too: a page does not promise a delivery that a revoked key forbids.
  if (!verified.ok) return refused(verified.code, verified.detail);
  const { bundle } = verified;
  if (git === undefined) return { bundle: null, ...recorded, build: bundle };
  const decided = decideAdmission(bundle, {
    policy,
    commit: await commitFacts(git, {
      repository: bundle.repository,
      commit: bundle.commit,
      paths: [bundle.pipeline],
      roster: files.roster.roster,
      ledger: ledger.facts,
      seenAt: null,
      now,
    }),
    // Its own admission is what stands in the records; what is live is asked by the verdict itself.
    state: {
      envelopes: new Set(),
      payloads: new Set(),
      invocations: new Map(),
      lastPosition: null,
    },
  });
  if (!decided.ok) return refused(decided.code, decided.detail);
  const otherPlan = await planFault(git, bundle, target.policy);
  if (otherPlan !== null) return refused(otherPlan.code, otherPlan.detail);
  const base = live === null ? null : { commit: live.commit, release: live.release };
  const delta =
    promotion.returns === null || base === null
      ? await readDelta(git, { base, commit: bundle.commit })
      : await readReturnDelta(git, { base, commit: bundle.commit });
  if (delta === null) return refused('E_DELTA_TOO_LARGE', 'more commits than can be listed');
  return {
    bundle: { ok: true },
    facts: documentFacts(promotion, decided.facts),
    delta,
    build: bundle,
    wish: await wishOf(git, bundle),
  };
}

/** How many builders the release file asks for that the gate's own mirror has at this commit. */
export async function wishOf(
  git: Pick<GitReader, 'readBlob'>,
  { commit, releaseFile }: { readonly commit: string; readonly releaseFile: string },
): Promise<number> {
  try {
    const file = await git.readBlob(commit, releaseFile);
    return reproduceWish(file?.toString('utf8') ?? null);
  } catch (cause) {
    // It will not be shorter the next time; no parser accepts what is too large to be read.
    if (cause instanceof AirlockError && cause.code === 'git-too-large') return reproduceWish('');
    throw cause;
  }
}

/** What of a document is the gate's own to say. */
export type DocumentRecord = Pick<Promotion, 'id' | 'admittedAt'> &
  (
    | { readonly returns: null }
    | (Pick<Promotion, 'requester' | 'requestedAt'> & { readonly returns: ReturnOrder })
  );

export function documentFacts(record: DocumentRecord, facts: AdmittedFacts): DocumentFacts {
  return {
    id: record.id,
    target: facts.target,
    release: facts.release,
    repository: facts.repository,
    commit: facts.commit,
    mainPosition: facts.position,
    subjectName: facts.subjectName,
    artifactDigest: facts.artifactDigest,
    bundleDigest: facts.bundleDigest,
    provenanceDigest: facts.provenanceDigest,
    // Who asks for a return asks the gate; everything else is as the bundle says.
    ...(record.returns === null
      ? { requester: facts.requester.id, requestedAt: new Date(facts.requestedAt) }
      : { requester: record.requester, requestedAt: record.requestedAt }),
    returns: record.returns,
    admittedAt: record.admittedAt,
  };
}

/** Compares the signed document with the one that today's facts would make. */
function changes(
  sources: FactSources,
  given: Checked & {
    promotion: Promotion;
    evidence: PromotionEvidence;
    files: GateFiles;
    live: ProvenRelease | null;
    editors: PolicyEditors;
    breakGlass: BreakGlass | null;
  },
): PromotionFacts['changed'] {
  const { promotion, evidence, files } = given;
  const signed = parsePromotionDocument(evidence.document);
  const fields: string[] = [];
  if (promotionDigest(evidence.document) !== promotion.promotionDigest) fields.push('digest');
  const target = files.targets.get(promotion.target);
  if (target === undefined) {
    return { policy: true, roster: false, editors: false, base: null, fields };
  }
  const now = parsePromotionDocument(
    makeDocument({
      gate: sources.gate,
      facts: given.facts,
      target,
      rosterDigest: files.roster.digest,
      delta: given.delta,
      editors: given.editors.people,
      breakGlass: given.breakGlass,
    }).document,
  );
  const base = live(given.live);
  const baseChanged =
    signed.base?.commit !== base?.commit || signed.base?.release !== base?.release;
  const policyChanged = signed.policy !== now.policy;
  // What follows from a changed policy or base is told once, by its cause.
  const explained = new Set<keyof PromotionDocument>([
    'policy',
    'roster',
    'base',
    'editors',
    ...(policyChanged ? (['hook', 'params', 'notAfter', 'rules'] as const) : []),
    ...(baseChanged ? (['delta', 'rules'] as const) : []),
  ]);
  for (const field of new Set([...documentFields(signed), ...documentFields(now)])) {
    if (explained.has(field)) continue;
    if (JSON.stringify(signed[field]) !== JSON.stringify(now[field])) fields.push(field);
  }
  fields.push(...rowDifferences(promotion, given.facts, signed));
  return {
    policy: policyChanged,
    roster: signed.roster !== now.roster,
    editors: JSON.stringify(signed.editors) !== JSON.stringify(now.editors),
    base: baseChanged ? { was: signed.base?.release ?? null, now: base?.release ?? null } : null,
    fields,
  };
}

const factsInRow = [
  'release',
  'repository',
  'commit',
  'mainPosition',
  'subjectName',
  'artifactDigest',
  'bundleDigest',
  'provenanceDigest',
  'requester',
] as const satisfies readonly (keyof DocumentFacts)[];

/** What comes after the verdict (claims, hook, what is called live) is taken from the row, so the row must say the same. */
function rowDifferences(row: Promotion, facts: DocumentFacts, signed: PromotionDocument): string[] {
  const differing: string[] = factsInRow.filter((name) => row[name] !== facts[name]);
  if (row.hook !== signed.hook) differing.push('hook');
  if (row.policyDigest !== signed.policy) differing.push('policyDigest');
  if (row.expiresAt.getTime() !== Date.parse(signed.notAfter)) differing.push('expiresAt');
  return differing;
}

function live(release: ProvenRelease | null): PromotionDocument['base'] {
  return release === null ? null : { commit: release.commit, release: release.release };
}

function documentFields(document: PromotionDocument): (keyof PromotionDocument)[] {
  // A strict schema parsed it, so its keys are exactly the schema's.
  return Object.keys(document) as (keyof PromotionDocument)[];
}

async function judge(
  sources: FactSources,
  given: {
    promotion: Promotion;
    approvals: readonly Approval[];
    files: GateFiles;
    checked: Checked;
    policy: TargetPolicy;
    editors: readonly string[];
    isBreakGlass: boolean;
    now: Date;
  },
): Promise<PromotionFacts['approvals']> {
  const { promotion, files, checked, policy, editors } = given;
  const { roster } = files.roster;
  const { emails } = checked.delta;
  const rules = rulesFor(policy, checked.facts, checked.delta, given.isBreakGlass);
  const signed = given.approvals.flatMap((approval) =>
    approval.decision === 'approve' && approval.signed !== null ? [approval.signed] : [],
  );
  const { have, need, counting, discounted } = countApprovals({
    gate: sources.gate,
    promotionDigest: promotion.promotionDigest,
    target: promotion.target,
    decision: decisionAsked({
      ...(promotion.returns === null ? {} : { return: promotion.returns }),
    }),
    requester: promotion.requester,
    ...{ rules, roster, emails, editors },
    approvals: signed.map(keptApproval),
    passkeys: await enrolledPasskeys(sources, signed),
    at: given.now,
  });
  const present = counting.map(({ approver }) => approver);
  const seats = explainSeats(rules, {
    present: roster.people.filter(({ id }) => present.includes(id)),
    possible: eligibleApprovers({
      ...{ rules, roster },
      promotion: { requester: promotion.requester, emails, editors },
    }).filter(({ id }) => !present.includes(id)),
  });
  const named = (ids: readonly string[]): string[] =>
    ids.map((id) => roster.people.find((person) => person.id === id)?.name ?? id);
  return {
    ...{ have, need, editors },
    rules: seats.rules.map(({ role, count, filledBy, helpful }) => ({
      ...{ role, count },
      filledBy: named(filledBy),
      helpful: named(helpful),
    })),
    counting: present,
    discounted: discounted.map(({ approver, code, detail }) => ({
      ...{ person: approver, code, detail },
    })),
    eligible: named(seats.helpful),
    enough: seats.enough === null ? null : named(seats.enough),
  };
}

/** The facts that rules on trial would change: the same approvals, judged by them. @param tried the file with them in force. */
async function shadowFacts(
  sources: FactSources,
  tried: TargetPolicy,
  given: Omit<Parameters<typeof judge>[1], 'policy' | 'editors'> & {
    policyDigest: string;
    ledger: LedgerAnswer;
    live: ProvenRelease | null;
  },
): Promise<ShadowFacts> {
  const { files, ledger, live, now, policyDigest, promotion } = given;
  const editors = editorsOf(files, tried, ledger, live);
  return {
    windowClosed: closedWindow(tried, now),
    policyDigest,
    expiresAt: new Date(promotion.admittedAt.getTime() + tried.approvals.expires * 1000),
    unmappedEditors: editors.unmapped,
    approvals: await judge(sources, { ...given, policy: tried, editors: editors.people ?? [] }),
  };
}

/**
 * What approvers signed about it, and no row: whether the glass is broken is part of the document. Null also where the target
 * file opens no such way or the roster has nobody of that id; then the document differs from what is made anew.
 */
function breakGlassIn(
  { document }: PromotionEvidence,
  { roster }: GateFiles,
  policy: TargetPolicy,
): BreakGlass | null {
  const { breakGlass } = parsePromotionDocument(document);
  if (breakGlass === undefined || policy.breakGlass === undefined) return null;
  const isKnown = roster.roster.people.some(({ id }) => id === breakGlass.person);
  return isKnown ? breakGlass : null;
}

function closedWindow({ windows }: TargetPolicy, now: Date): PromotionFacts['windowClosed'] {
  if (windows === undefined) return null;
  const state = windowState(windows, now);
  return state.open ? null : { denied: state.denied, opensAt: state.opensAt };
}

/** Without a ledger that can be proven nobody is known to have signed, and nothing is delivered. */
function editorsOf(
  files: GateFiles,
  policy: TargetPolicy,
  ledger: LedgerAnswer,
  live: ProvenRelease | null,
): PolicyEditors {
  if ('fault' in ledger) return { people: null, unmapped: [] };
  return policyEditors({ policy, roster: files.roster.roster, ledger: ledger.facts, live });
}

/** A withdrawal holds by its row at once, and by the ledger for good: whoever deletes the row brings no approval back. */
function stands({ withdrawn, signed }: Approval, ledger: LedgerAnswer): boolean {
  if (withdrawn !== null || signed === null) return false;
  return 'fault' in ledger || !ledger.facts.isWithdrawn(sha256Hex(signed.statement));
}

export function keptApproval(signed: SignedApproval): KeptApproval {
  return {
    evidence: {
      statement: signed.statement.toString('base64'),
      credentialId: signed.credentialId,
      authenticatorData: signed.authenticatorData,
      clientDataJSON: signed.clientDataJson,
      signature: signed.signature,
    },
    signCountBefore: signed.signCountBefore,
  };
}

/** Passkeys that the signed ledger says were enrolled just so; a row alone enrols nobody. */
export async function enrolledPasskeys(
  sources: Pick<FactSources, 'passkeys' | 'proofs'>,
  signed: readonly Pick<SignedApproval, 'credentialId'>[],
): Promise<Passkey[]> {
  const ids = [...new Set(signed.map((approval) => approval.credentialId))];
  const passkeys = await sources.passkeys.findMany(ids);
  const proven = await Promise.all(
    passkeys.map(async (passkey) => {
      const entry = await sources.proofs.bySubject('passkey.enrolled', enrolmentDigest(passkey));
      return entry === null ? [] : [passkey];
    }),
  );
  return proven.flat();
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
