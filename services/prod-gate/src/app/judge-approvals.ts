/** Which approvals count, by the rules in force and by those on trial. */
import {
  countApprovals,
  enrolmentDigest,
  type EnrolledPasskey,
  type KeptApproval,
} from '@airlock/common/approval/count-approvals';
import { explainSeats } from '@airlock/common/approval/match-rules';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { windowState } from '@airlock/common/policy/target-windows-state';
import type { Waiver } from '@airlock/common/promotion/waiver';
import { decisionAsked } from '@airlock/common/promotion/document';
import { eligibleApprovers, rulesFor } from '../domain/access.ts';
import { policyEditors, type PolicyEditors } from '../domain/editors.ts';
import type { ProvenRelease } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { PromotionFacts, ShadowFacts } from '../domain/verdict.ts';
import { ledgerFacts, type FactSources, type LedgerAnswer } from './fact-sources.ts';
import type { Approval, SignedApproval } from './approval-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Checked } from './verify-again.ts';

/** Counts the approvals that stand by the rules of `policy`, whichever file it is from. */
export function judge(
  gate: string,
  given: {
    promotion: Promotion;
    approvals: readonly Approval[];
    /** Of whoever approved, as `enrolledPasskeys` found them. */
    passkeys: readonly EnrolledPasskey[];
    files: GateFiles;
    checked: Checked;
    policy: TargetPolicy;
    editors: readonly string[];
    waiver: Waiver | null;
    now: Date;
  },
): PromotionFacts['approvals'] {
  const { promotion, files, checked, policy, editors } = given;
  const { roster } = files.roster;
  const { emails } = checked.delta;
  const rules = rulesFor(policy, checked.facts, checked.delta, given.waiver?.kind ?? null);
  const { have, need, counting, discounted } = countApprovals({
    gate,
    promotionDigest: promotion.promotionDigest,
    target: promotion.target,
    decision: decisionAsked({
      ...(promotion.returns === null ? {} : { return: promotion.returns }),
    }),
    requester: promotion.requester,
    ...{ rules, roster, emails, editors },
    approvals: signedOf(given.approvals).map(keptApproval),
    passkeys: given.passkeys,
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
    signedWith: counting.map(({ credentialId }) => credentialId),
    discounted: discounted.map(({ approver, code, detail }) => ({
      ...{ person: approver, code, detail },
    })),
    eligible: named(seats.helpful),
    enough: seats.enough === null ? null : named(seats.enough),
  };
}

/** The facts that rules on trial would change: the same approvals, judged by them. @param tried the file with them in force. */
export function shadowFacts(
  gate: string,
  tried: TargetPolicy,
  given: Omit<Parameters<typeof judge>[1], 'policy' | 'editors'> & {
    policyDigest: string;
    ledger: LedgerAnswer;
    live: ProvenRelease | null;
  },
): ShadowFacts {
  const { files, ledger, live, now, policyDigest, promotion } = given;
  const editors = editorsOf(files, tried, ledger, live);
  return {
    windowClosed: closedWindow(tried, now),
    policyDigest,
    expiresAt: new Date(promotion.admittedAt.getTime() + tried.approvals.expires * 1000),
    unmappedEditors: editors.unmapped,
    approvals: judge(gate, { ...given, policy: tried, editors: editors.people ?? [] }),
  };
}

/** What of these was signed to say yes. */
export function signedOf(approvals: readonly Approval[]): SignedApproval[] {
  return approvals.flatMap(({ decision, signed }) =>
    decision === 'approve' && signed !== null ? [signed] : [],
  );
}

/** As `closedWindow`, and null also for a return that waits for no window. */
export function closedWindowOf(
  { returns }: Pick<Promotion, 'returns'>,
  policy: TargetPolicy,
  now: Date,
): PromotionFacts['windowClosed'] {
  const isSkipped = returns !== null && policy.rollback?.skipWindow === true;
  return isSkipped ? null : closedWindow(policy, now);
}

/** Null while deliveries may start. */
function closedWindow({ windows }: TargetPolicy, now: Date): PromotionFacts['windowClosed'] {
  if (windows === undefined) return null;
  const state = windowState(windows, now);
  return state.open ? null : { denied: state.denied, opensAt: state.opensAt };
}

/** Without a ledger that can be proven nobody is known to have signed, and nothing is delivered. */
export function editorsOf(
  files: GateFiles,
  policy: TargetPolicy,
  ledger: LedgerAnswer,
  live: ProvenRelease | null,
): PolicyEditors {
  if ('fault' in ledger) return { people: null, unmapped: [] };
  return policyEditors({ policy, roster: files.roster.roster, ledger: ledger.facts, live });
}

/** A withdrawal holds by its row at once, and by the ledger for good: whoever deletes the row brings no approval back. */
export function stands({ withdrawn, signed }: Approval, ledger: LedgerAnswer): boolean {
  if (withdrawn !== null || signed === null) return false;
  return 'fault' in ledger || !ledger.facts.isWithdrawn(sha256Hex(signed.statement));
}

/** As the kernel counts it, from the stored bytes. */
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
): Promise<EnrolledPasskey[]> {
  const ids = [...new Set(signed.map((approval) => approval.credentialId))];
  const passkeys = await sources.passkeys.findMany(ids);
  const answer = await ledgerFacts(sources);
  if ('fault' in answer) return [];
  const { facts } = answer;
  const proven = await Promise.all(
    passkeys.map(async (passkey) => {
      const entry = await sources.proofs.bySubject('passkey.enrolled', enrolmentDigest(passkey));
      const known = facts.enrolment(enrolmentDigest(passkey));
      // Recorded under another name it would be the first passkey of nobody, and wait for nothing.
      if (entry === null || known?.person !== passkey.person) return [];
      const { countsFrom, withdrawnAt } = known;
      const ends = [withdrawnAt, passkey.revokedAt].flatMap((at) => at?.getTime() ?? []);
      const revokedAt = ends.length === 0 ? null : new Date(Math.min(...ends));
      return [{ ...passkey, countsFrom, revokedAt }];
    }),
  );
  return proven.flat();
}
