/** The approvals, from what the passkeys signed: who approved exactly this, and whether they may have. */
import { createEnrolmentFold } from '@airlock/common/approval/enrolments';
import { countApprovals, enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { parseStrictJson } from '@airlock/common/encoding/strict-json';
import { EvidenceApprovals } from '@airlock/common/evidence/format';
import type { DeliveryRecord } from '@airlock/common/intoto/delivery';
import { decisionAsked } from '@airlock/common/promotion/document';
import type { Decided } from './decided.ts';
import type { EvidenceArchive } from './files.ts';
import { entriesLike, theEntry, type ProvenEntry } from './ledger.ts';
import { EvidenceFault } from './report.ts';

/** A list of approvals, its evidence, and one to spare. */
const maxDepth = 5;

/** @throws EvidenceFault when they do not carry the delivery, or are not those that the delivery statement names. */
export function checkApprovals(given: {
  readonly archive: EvidenceArchive;
  readonly decided: Decided;
  readonly entries: readonly ProvenEntry[];
  readonly intentAt: Date;
}): DeliveryRecord['approvals'] {
  const { decided, entries } = given;
  const { document, rules, roster, emails } = decided;
  const { approvals, passkeys } = EvidenceApprovals.parse(
    parseStrictJson(given.archive.text('approvals.json'), maxDepth),
  );
  const known = new Set(roster.people.flatMap(({ gitEmails }) => gitEmails));
  const stranger = emails.find((email) => !known.has(email));
  // An approver's second address could be among those that nobody claims.
  if (stranger !== undefined) throw new EvidenceFault(`nobody of the roster is ${stranger}`);
  const enrolments = createEnrolmentFold();
  for (const entry of entries) enrolments.apply(entry);
  for (const passkey of passkeys) {
    theEntry(entries, 'passkey.enrolled', { subject: enrolmentDigest(passkey) });
  }
  const judged = countApprovals({
    gate: document.gate,
    promotionDigest: decided.digest,
    target: document.target,
    decision: decisionAsked(document),
    requester: document.requester,
    rules,
    roster,
    emails,
    // Whose key signed which configuration is the gate's word; who they are stands in what approvers signed.
    editors: document.editors ?? [],
    approvals,
    passkeys: passkeys.flatMap((passkey) => {
      const known = enrolments.of(enrolmentDigest(passkey));
      // Recorded under another name it would be the first passkey of nobody, and wait for nothing.
      if (known?.person !== passkey.person) return [];
      return [{ ...passkey, countsFrom: known.countsFrom, revokedAt: known.withdrawnAt }];
    }),
    at: given.intentAt,
  });
  const [fault] = judged.discounted;
  if (fault !== undefined) {
    throw new EvidenceFault(`${fault.approver ?? 'a stranger'}: ${fault.code}: ${fault.detail}`);
  }
  if (!judged.satisfied) {
    throw new EvidenceFault(`${judged.have} of ${judged.need} approvals`);
  }
  return judged.counting.map(({ approver, credentialId }) => {
    const approval = approvals.find(({ evidence }) => evidence.credentialId === credentialId);
    const statement = sha256Hex(Buffer.from(approval?.evidence.statement ?? '', 'base64'));
    theEntry(entries, 'approval.recorded', {
      subject: decided.digest,
      refs: { decision: 'approve', statement },
    });
    if (entriesLike(entries, 'approval.withdrawn', { refs: { statement } }).length > 0) {
      throw new EvidenceFault(`${approver} withdrew the approval`);
    }
    return { person: approver, credential: credentialId, statement };
  });
}
