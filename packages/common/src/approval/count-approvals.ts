/** Who counts: the approvals of one promotion under the target file and the roster that decide about it. */
import { Buffer } from 'node:buffer';
import type { Roster } from '../policy/target-policy.ts';
import { sha256Hex } from '../encoding/hex.ts';
import type { Seats } from './fill-seats.ts';
import type { ApprovalDecision } from './statement.ts';
import {
  judgeApprovals,
  type ApprovalEvidence,
  type ApprovalJudgement,
} from './verify-approvals.ts';

type Person = Roster['people'][number];

/** What the ledger keeps of an enrolment, by its digest. */
export type Enrolment = {
  readonly person: string;
  readonly credentialId: string;
  readonly publicKeyPem: string;
  readonly rpId: string;
  readonly origin: string;
};

export type EnrolledPasskey = Enrolment & {
  /** Until then it is looked at; null: it counts at once. See `countsFromIn`. */
  readonly countsFrom: Date | null;
  readonly revokedAt: Date | null;
};

export type KeptApproval = {
  readonly evidence: ApprovalEvidence;
  /** The passkey's counter before this approval. */
  readonly signCountBefore: number;
};

/** SHA-256 (hex) of the canonical JSON `{v: 1, person, credentialId, publicKeyPem, rpId, origin}`. */
export function enrolmentDigest(enrolment: Enrolment): string {
  const { person, credentialId, publicKeyPem, rpId, origin } = enrolment;
  return sha256Hex(
    Buffer.from(JSON.stringify({ v: 1, person, credentialId, publicKeyPem, rpId, origin }), 'utf8'),
  );
}

/**
 * Whether the roster lets this enrolment count. The ledger proves that an enrolment was recorded, and web records it; who
 * holds web could record one of their own. A roster that lists a person's enrolments leaves web no say in it.
 */
export function rosterAllows(person: Person | undefined, enrolment: Enrolment): boolean {
  if (person === undefined) return false;
  return person.passkeys?.includes(enrolmentDigest(enrolment)) ?? true;
}

/**
 * When an enrolment begins to count: at once (null) where the roster lists none of the person's, which is the demo's, for whoever
 * wants to be them needs nobody's consent there.
 */
export const countsFromIn = (
  person: Person | undefined,
  { countsFrom }: Pick<EnrolledPasskey, 'countsFrom'>,
): Date | null => (person?.passkeys === undefined ? null : countsFrom);

/** The requester as nonprod named them: by NameID, or by roster id. Null for somebody the gate does not know. */
export function personOfRequester(roster: Roster, requester: string): Person | null {
  return (
    roster.people.find((person) => person.nameId === requester || person.id === requester) ?? null
  );
}

/** Roster ids of whoever has one of these author and committer addresses. */
export function authorsOf(roster: Roster, emails: readonly string[]): string[] {
  return roster.people
    .filter(({ gitEmails }) => gitEmails.some((email) => emails.includes(email)))
    .map(({ id }) => id)
    .sort();
}

/**
 * @param given.decision what the promotion document asks for (`decisionAsked`).
 * @param given.rules those that apply (policy/needed-rules.ts); none where the gate has no file for the target: then nothing
 *   counts.
 * @param given.editors roster ids of those who signed the configuration since the last delivery, where they are excluded.
 * @param given.passkeys those whose enrolment stands in the ledger; whoever calls has proven it.
 * @param given.at moment of the decision: approvals and passkeys that had ended by then do not count.
 */
export function countApprovals(given: {
  readonly gate: string;
  readonly promotionDigest: string;
  readonly target: string;
  readonly decision: ApprovalDecision;
  readonly requester: string;
  readonly rules: readonly Seats[];
  readonly roster: Roster;
  readonly emails: readonly string[];
  readonly editors: readonly string[];
  readonly approvals: readonly KeptApproval[];
  readonly passkeys: readonly EnrolledPasskey[];
  readonly at: Date;
}): ApprovalJudgement {
  const { gate, roster, approvals } = given;
  const personOf = (id: string) => roster.people.find((person) => person.id === id);
  return judgeApprovals({
    approvals: approvals.map(({ evidence }) => evidence),
    credentials: given.passkeys
      .filter(
        (passkey) => passkey.origin === gate && rosterAllows(personOf(passkey.person), passkey),
      )
      .map((passkey) => ({
        id: passkey.credentialId,
        approver: passkey.person,
        publicKeyPem: passkey.publicKeyPem,
        rpId: passkey.rpId,
        origins: [gate],
        // The least of them: a junk row with a huge counter must not void the person's genuine approval.
        signCount: Math.min(
          ...approvals
            .filter(({ evidence }) => evidence.credentialId === passkey.credentialId)
            .map(({ signCountBefore }) => signCountBefore),
        ),
        roles: personOf(passkey.person)?.roles ?? [],
        countsFrom: countsFromIn(personOf(passkey.person), passkey),
        revokedAt: passkey.revokedAt,
      })),
    promotion: given.promotionDigest,
    target: given.target,
    decision: given.decision,
    rules: given.rules,
    requester: personOfRequester(roster, given.requester)?.id ?? given.requester,
    authors: authorsOf(roster, given.emails),
    editors: given.editors,
    // A nonce is unique in the gate's table of approvals, so that one of these cannot have been used by another.
    usedNonces: new Set(),
    now: given.at,
  });
}
