/**
 * May this promotion be delivered? The same function answers in web (to show), in the authority and in the deliverer (to
 * decide); what differs is where its facts come from (app/gather-facts.ts). It returns every reason, not the first.
 */
import type { Waiver } from '@airlock/common/promotion/waiver';
import { builderReasons, type BuilderFacts, type BuilderReason } from './builders.ts';
import type { Cooling } from './cooling.ts';
import type { LapsedStart, ManualStart } from './manual-start.ts';
import type { PromotionState } from './promotion.ts';
import type { StopKind } from './stop.ts';

export type DenialReason =
  | BuilderReason
  | { readonly code: 'E_NOT_WAITING'; readonly state: PromotionState }
  | { readonly code: 'E_PROMOTION_EXPIRED'; readonly expiredAt: Date }
  | {
      readonly code: 'E_APPROVALS_MISSING';
      readonly have: number;
      readonly need: number;
      /** Every rule that applies, with the names of those who fill its seats and of those who could. */
      readonly rules: readonly RuleState[];
      /** Names of those whose approval would bring it on. */
      readonly eligible: readonly string[];
      /** Names of a smallest group whose approvals would do; null where nobody's would. */
      readonly enough: readonly string[] | null;
    }
  | { readonly code: 'E_REJECTED'; readonly person: string }
  | { readonly code: 'E_TARGET_UNKNOWN'; readonly target: string }
  | { readonly code: 'E_POLICY_CHANGED'; readonly target: string }
  | { readonly code: 'E_ROSTER_CHANGED' }
  | { readonly code: 'E_EDITORS_CHANGED' }
  | { readonly code: 'E_HOOK_DIGEST'; readonly hook: string }
  | { readonly code: 'E_HOOK_MISSING'; readonly hook: string }
  | { readonly code: 'E_BASE_CHANGED'; readonly was: string | null; readonly now: string | null }
  | { readonly code: 'E_DOCUMENT_DIFFERS'; readonly fields: readonly string[] }
  | { readonly code: 'E_ARTIFACT_MISSING'; readonly digest: string }
  | {
      readonly code: 'E_REPOSITORY_FROZEN';
      readonly repository: string;
      readonly reason: string;
      readonly since: Date;
    }
  | {
      readonly code: 'E_WINDOW_CLOSED';
      readonly target: string;
      /** Name of the denied days; null outside the allowed times. */
      readonly denied: string | null;
      /** Null when it does not open in the time that is looked ahead. */
      readonly opensAt: Date | null;
    }
  | { readonly code: 'E_COOLING'; readonly target: string; readonly startsAt: Date | null }
  | {
      readonly code: 'E_START_AWAITED';
      readonly promotion: string;
      readonly target: string;
      /** Names of those who may start it. */
      readonly may: readonly string[];
      readonly lapsed: LapsedStart | null;
    }
  | { readonly code: 'E_OLDER_FIRST'; readonly target: string; readonly older: string }
  | { readonly code: 'E_TARGET_BUSY'; readonly deliveryId: string; readonly since: Date }
  | {
      readonly code: 'E_CREDENTIAL_PENDING';
      readonly sessionId: string;
      readonly state: string;
      readonly since: Date;
    }
  | {
      readonly code: 'E_CREDENTIAL_OUTLIVES';
      readonly deliveryId: string;
      /** Null where nobody can read when it ends. */
      readonly until: Date | null;
    }
  | { readonly code: 'E_ROLLBACK_UNAPPROVED'; readonly release: string; readonly live: string }
  | { readonly code: 'E_RETURN_UNPROVEN'; readonly detail: string }
  | {
      readonly code: 'E_LIVE_DIFFERS';
      readonly row: string | null;
      readonly ledger: string | null;
      /** The row is newer than the ledger: its entry may be on its way. */
      readonly isNewer: boolean;
    }
  | { readonly code: 'E_AUTHOR_UNMAPPED'; readonly email: string }
  | { readonly code: 'E_EDITOR_UNMAPPED'; readonly keyid: string }
  | {
      readonly code: 'E_BUNDLE_REFUSED';
      readonly admissionCode: string;
      readonly detail: string;
    }
  | { readonly code: 'E_LEDGER_UNAVAILABLE'; readonly detail: string }
  | { readonly code: 'E_LEDGER_INCONSISTENT'; readonly detail: string; readonly since: Date }
  | ({ readonly code: 'E_STOPPED' } & StopFacts)
  /** The file of the emergency stop is on the gate's host. */
  | { readonly code: 'E_EMERGENCY_STOP'; readonly since: Date }
  | ConfigurationFault;

/** A stop that holds this promotion, as people read of it. */
export type StopFacts = {
  readonly stop: string;
  readonly kind: StopKind;
  readonly matter: string | null;
  /** Name of who placed it. */
  readonly person: string;
  readonly reason: string | null;
  readonly since: Date;
  readonly until: Date | null;
};

/** One rule that a promotion must meet. */
export type RuleState = {
  readonly role: string;
  readonly count: number;
  readonly filledBy: readonly string[];
  readonly helpful: readonly string[];
};

/** Why the signed configuration on disk is not the one to decide by. */
export type ConfigurationFault =
  | {
      readonly code: 'E_CONFIGURATION_ROLLBACK';
      readonly serial: number;
      readonly detail: string;
    }
  | { readonly code: 'E_CONFIGURATION_UNRECORDED'; readonly serial: number };

export type DenialCode = DenialReason['code'];

/** The code that logs, the API and the ledger give: a bundle that no longer passes is refused by the code of its fault. */
export function contractCode(reason: DenialReason): string {
  return reason.code === 'E_BUNDLE_REFUSED' ? reason.admissionCode : reason.code;
}

export type Verdict =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly reasons: readonly [DenialReason, ...DenialReason[]] };

export type PromotionFacts = {
  readonly now: Date;
  readonly promotion: {
    readonly id: string;
    readonly target: string;
    readonly release: string;
    readonly state: PromotionState;
    readonly expiresAt: Date;
    readonly repository: string;
    readonly mainPosition: number;
    readonly artifactDigest: string;
    readonly hook: string;
    readonly promotionDigest: string;
  };
  /** True for the delivery that is being decided on: its promotion is `delivering`, and that is right. */
  readonly underOwnDelivery: boolean;
  /** False when there is no file for the target any more; then nothing else of the policy is known. */
  readonly targetKnown: boolean;
  /** Null for a promotion that goes on along main; `fault`: why this is no return to what was live before. */
  readonly returning: { readonly fault: string | null } | null;
  /** What in the signed document is no longer so. */
  readonly changed: {
    readonly policy: boolean;
    readonly roster: boolean;
    /** Somebody else than the document says has signed the configuration since the last delivery. */
    readonly editors: boolean;
    readonly base: { readonly was: string | null; readonly now: string | null } | null;
    /** Other members of the document that differ from what was verified now. */
    readonly fields: readonly string[];
  };
  /** Digest of the hook's directory as it is now; null when it is not there. */
  readonly hookDigest: string | null;
  readonly artifactPresent: boolean;
  /** The kernel's answer to the bundle; null where nothing is against it and the process has no mirror to ask for the rest. */
  readonly bundle: { readonly ok: true } | Refusal | null;
  readonly builders: BuilderFacts;
  readonly unmappedEmails: readonly string[];
  /** Keys that signed the configuration since the last delivery and are nobody's, where that matters. */
  readonly unmappedEditors: readonly string[];
  readonly approvals: {
    /** Seats filled, and seats there are; 0 without a target file. */
    readonly have: number;
    readonly need: number;
    readonly rules: readonly RuleState[];
    /** Roster ids whose approval counts. */
    readonly counting: readonly string[];
    /** Ids of the passkeys and security keys by which they signed. */
    readonly signedWith: readonly string[];
    /** Approvals on record that do not count, and why; shown, never counted. */
    readonly discounted: readonly {
      readonly person: string | null;
      readonly code: string;
      readonly detail: string;
    }[];
    /** Names of those whose approval would bring it on. */
    readonly eligible: readonly string[];
    readonly enough: readonly string[] | null;
    /** Roster ids of policy editors, who do not count. */
    readonly editors: readonly string[];
  };
  readonly rejectedBy: string | null;
  readonly freeze: { readonly reason: string; readonly since: Date } | null;
  /** Of the target file, as of `now`; null where deliveries may start. */
  readonly windowClosed: { readonly denied: string | null; readonly opensAt: Date | null } | null;
  /** Time that the target asks for before it starts; null where none is left. */
  readonly cooling: Cooling | null;
  /** Null where it starts by itself. */
  readonly start: ManualStart | null;
  /** Release of a waiting promotion of the target that comes first there; null where none does. */
  readonly older: string | null;
  /**
   * Who asked that it pass with the approvals of breakGlass and outside the windows, or outside the windows alone, as approvers
   * sign it; null where nobody did. It answers these and nothing else: no signature, no place on main, no stop and no check.
   */
  readonly waiver: Waiver | null;
  /** A running delivery on the target, own one excepted. */
  readonly busy: { readonly deliveryId: string; readonly since: Date } | null;
  /** A Vault session of the target that is not CLEAN, own one excepted. */
  readonly pendingSession: {
    readonly sessionId: string;
    readonly state: string;
    readonly since: Date;
  } | null;
  /** An earlier delivery of the very document, of which something lives that only time ends. */
  readonly outliving: { readonly deliveryId: string; readonly until: Date | null } | null;
  /** As the ledger proves it; as the row says it while no ledger can be proven. */
  readonly live: { readonly release: string; readonly mainPosition: number } | null;
  /** What is called live in the row and in the ledger, where the two differ. */
  readonly liveDiffers: {
    readonly row: string | null;
    readonly ledger: string | null;
    readonly isNewer: boolean;
  } | null;
  /** Why the admission of this promotion cannot be proven under a signed checkpoint; null when it is. */
  readonly ledgerFault: string | null;
  /** Null when the configuration that was read is the newest that the ledger has. */
  readonly configurationFault: ConfigurationFault | null;
  /** A witness saw another past of the ledger, and nobody has lifted the freeze. */
  readonly ledgerFreeze: { readonly reason: string; readonly since: Date } | null;
  /** What it rests on by all that was verified, as `kind:value`; its packages are looked for while one is in quarantine. */
  readonly restsOn: readonly string[];
  /** Ids of the freezes in force there that let it through by name. */
  readonly exceptedFrom: readonly string[];
  /** Those that hold this promotion, newest first. */
  readonly stops: readonly StopFacts[];
  /** Since when the host's emergency stop is set; null while it is not. */
  readonly emergencyStop: Date | null;
  /** What the rules on trial would say; absent where the target file has none, and of a return. No verdict looks at it. */
  readonly shadow?: ShadowFacts;
};

/** What rules on trial change of the facts. */
export type ShadowFacts = Pick<PromotionFacts, 'windowClosed' | 'unmappedEditors' | 'approvals'> & {
  readonly expiresAt: Date;
  /** SHA-256 of the target file that has them on trial. */
  readonly policyDigest: string;
};

export type Refusal = { readonly ok: false; readonly code: string; readonly detail: string };

export function evaluatePromotion(facts: PromotionFacts): Verdict {
  const [first, ...rest] = reasonsAgainst(facts);
  return first === undefined ? { allowed: true } : { allowed: false, reasons: [first, ...rest] };
}

function reasonsAgainst(facts: PromotionFacts): DenialReason[] {
  const { promotion } = facts;
  const rightState = facts.underOwnDelivery ? 'delivering' : 'waiting';
  const reasons: DenialReason[] = facts.stops.map((stop) => ({ code: 'E_STOPPED', ...stop }));
  if (facts.emergencyStop !== null) {
    reasons.push({ code: 'E_EMERGENCY_STOP', since: facts.emergencyStop });
  }
  if (promotion.state !== rightState) {
    reasons.push({ code: 'E_NOT_WAITING', state: promotion.state });
  }
  // An expiry at this very moment is over.
  if (promotion.expiresAt <= facts.now) {
    reasons.push({ code: 'E_PROMOTION_EXPIRED', expiredAt: promotion.expiresAt });
  }
  if (facts.rejectedBy !== null) reasons.push({ code: 'E_REJECTED', person: facts.rejectedBy });
  if (facts.targetKnown) {
    reasons.push(...documentReasons(facts), ...hookReasons(facts));
  } else {
    reasons.push({ code: 'E_TARGET_UNKNOWN', target: promotion.target });
  }
  if (facts.bundle?.ok === false) {
    const { code, detail } = facts.bundle;
    reasons.push({ code: 'E_BUNDLE_REFUSED', admissionCode: code, detail });
  }
  if (!facts.artifactPresent) {
    reasons.push({ code: 'E_ARTIFACT_MISSING', digest: promotion.artifactDigest });
  }
  reasons.push(...builderReasons(facts.builders));
  for (const email of facts.unmappedEmails) reasons.push({ code: 'E_AUTHOR_UNMAPPED', email });
  for (const keyid of facts.unmappedEditors) reasons.push({ code: 'E_EDITOR_UNMAPPED', keyid });
  if (facts.freeze !== null) {
    reasons.push({
      code: 'E_REPOSITORY_FROZEN',
      repository: promotion.repository,
      reason: facts.freeze.reason,
      since: facts.freeze.since,
    });
  }
  // The position that is live may be delivered again (after a failed hook, say); an earlier one may not.
  const isReturn = facts.returning !== null && facts.returning.fault === null;
  if (!isReturn && facts.live !== null && promotion.mainPosition < facts.live.mainPosition) {
    reasons.push({
      code: 'E_ROLLBACK_UNAPPROVED',
      release: promotion.release,
      live: facts.live.release,
    });
  }
  if (facts.returning !== null && facts.returning.fault !== null) {
    reasons.push({ code: 'E_RETURN_UNPROVEN', detail: facts.returning.fault });
  }
  if (facts.liveDiffers !== null) reasons.push({ code: 'E_LIVE_DIFFERS', ...facts.liveDiffers });
  if (facts.windowClosed !== null && facts.waiver === null) {
    reasons.push({ code: 'E_WINDOW_CLOSED', target: promotion.target, ...facts.windowClosed });
  }
  if (facts.cooling !== null) {
    reasons.push({ code: 'E_COOLING', target: promotion.target, ...facts.cooling });
  }
  if (facts.older !== null) {
    reasons.push({ code: 'E_OLDER_FIRST', target: promotion.target, older: facts.older });
  }
  if (facts.busy !== null) reasons.push({ code: 'E_TARGET_BUSY', ...facts.busy });
  if (facts.pendingSession !== null) {
    reasons.push({ code: 'E_CREDENTIAL_PENDING', ...facts.pendingSession });
  }
  if (facts.outliving !== null) {
    reasons.push({ code: 'E_CREDENTIAL_OUTLIVES', ...facts.outliving });
  }
  if (facts.ledgerFault !== null) {
    reasons.push({ code: 'E_LEDGER_UNAVAILABLE', detail: facts.ledgerFault });
  }
  if (facts.configurationFault !== null) reasons.push(facts.configurationFault);
  if (facts.ledgerFreeze !== null) {
    const { reason, since } = facts.ledgerFreeze;
    reasons.push({ code: 'E_LEDGER_INCONSISTENT', detail: reason, since });
  }
  const { have, need, rules, eligible, enough } = facts.approvals;
  // Seats, each filled by another person; without a target file `need` is unknown and target-unknown stands above.
  if (facts.targetKnown && !(have >= need && need >= 1)) {
    reasons.push({ code: 'E_APPROVALS_MISSING', have, need, rules, eligible, enough });
  }
  if (facts.start !== null && facts.start.startedBy === null) {
    const { id, target } = promotion;
    const { may, lapsed } = facts.start;
    reasons.push({ code: 'E_START_AWAITED', promotion: id, target, may, lapsed });
  }
  return reasons;
}

function documentReasons(facts: PromotionFacts): DenialReason[] {
  const { changed, promotion } = facts;
  const reasons: DenialReason[] = [];
  if (changed.policy) reasons.push({ code: 'E_POLICY_CHANGED', target: promotion.target });
  if (changed.roster) reasons.push({ code: 'E_ROSTER_CHANGED' });
  if (changed.editors) reasons.push({ code: 'E_EDITORS_CHANGED' });
  if (changed.base !== null) reasons.push({ code: 'E_BASE_CHANGED', ...changed.base });
  if (changed.fields.length > 0) {
    reasons.push({ code: 'E_DOCUMENT_DIFFERS', fields: changed.fields });
  }
  return reasons;
}

function hookReasons(facts: PromotionFacts): DenialReason[] {
  const { hook } = facts.promotion;
  if (facts.hookDigest === null) return [{ code: 'E_HOOK_MISSING', hook }];
  const pinned = hook.slice(hook.indexOf('@sha256:') + '@sha256:'.length);
  return facts.hookDigest === pinned ? [] : [{ code: 'E_HOOK_DIGEST', hook }];
}
