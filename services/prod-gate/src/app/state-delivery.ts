/**
 * The statement of one delivery, from proven entries of the ledger, the signed document and the approvals' signatures. The
 * rows of the delivery only say where to look.
 */
import { countApprovals } from '@airlock/common/approval/count-approvals';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { maxEvidenceLogLines } from '@airlock/common/evidence/format';
import {
  deliveryLogText,
  deliveryStatement,
  IssuedCredential,
  type DeliveryRecord,
} from '@airlock/common/intoto/delivery';
import {
  parseLedgerEntry,
  type LedgerEntry,
  type LedgerEntryType,
} from '@airlock/common/ledger/entry';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import {
  decisionAsked,
  parsePromotionDocument,
  promotionDigest,
} from '@airlock/common/promotion/document';
import { waiverOf } from '@airlock/common/promotion/waiver';
import { rulesFor } from '../domain/access.ts';
import { digestOfDelta } from '../domain/delta.ts';
import type { Promotion } from '../domain/promotion.ts';
import { enrolledPasskeys, keptApproval } from './judge-approvals.ts';
import type { ApprovalStore } from './approval-ports.ts';
import type { Delivery, DeliveryStore } from './delivery-ports.ts';
import type { PasskeyStore } from './passkey-ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { VaultSessionStore } from './vault-session-ports.ts';
import type { LedgerProofs } from './prove-entry.ts';

export type DeliverySources = {
  readonly promotions: Pick<PromotionStore, 'evidence'>;
  readonly deliveries: Pick<DeliveryStore, 'find' | 'log'>;
  readonly sessions: Pick<VaultSessionStore, 'ofDelivery'>;
  readonly approvals: Pick<ApprovalStore, 'of'>;
  readonly passkeys: Pick<PasskeyStore, 'findMany'>;
  readonly proofs: LedgerProofs;
  /** The target file and the roster that were approved, from the store of kept files; null where one is not there. */
  keptPolicy(digests: {
    policy: string;
    roster: string;
  }): Promise<{ policy: TargetPolicy; roster: Roster } | null>;
};

export type StatedDelivery =
  | { readonly statement: Buffer; readonly outcome: DeliveryRecord['outcome'] }
  | { readonly notYet: string };

/** What is not in the ledger yet, as a value: then the statement waits. */
export async function stateDelivery(
  sources: DeliverySources,
  given: { delivery: Delivery; promotion: Promotion; summary: string },
): Promise<StatedDelivery> {
  const { delivery, promotion, summary } = given;
  const { proofs } = sources;
  const evidence = await sources.promotions.evidence(promotion.id);
  if (evidence === null) return { notYet: 'its promotion is not there' };
  const subject = promotionDigest(evidence.document);
  const document = parsePromotionDocument(evidence.document);
  const step = async (
    type: LedgerEntryType,
    about: { as?: string } = {},
  ): Promise<{ leaf: string; entry: LedgerEntry } | null> => {
    const row = await proofs.bySubject(
      type,
      subject,
      ({ refs }) =>
        refs['delivery'] === delivery.id && (about.as === undefined || refs['as'] === about.as),
    );
    return row === null ? null : { leaf: row.leafHash, entry: parseLedgerEntry(row.body) };
  };
  // Whose changes they are decides who counts.
  if (digestOfDelta(promotion.delta) !== document.delta) {
    return { notYet: 'its row has other changes than were approved' };
  }
  const intent = await step('delivery.intent');
  const finished = await step('delivery.finished');
  const outcome = outcomeIn(finished?.entry);
  if (intent === null || finished === null || outcome === null) {
    return { notYet: 'its intent or its end is not in a signed checkpoint' };
  }
  const requested = await step('credential.requested');
  const kept = await sources.keptPolicy(document);
  if (kept === null) return { notYet: 'the files that were approved are not kept' };
  const issued: IssuedCredential[] = [];
  for (const { as } of kept.policy.credentials.vault.reads) {
    const one = await step('credential.issued', { as });
    if (one === null) continue;
    const told = issuedIn(one.entry);
    if (told === null) return { notYet: `its entry credential.issued of ${as} cannot be read` };
    issued.push(told);
  }
  const revoked = await step('credential.revoked');
  const session = await sources.sessions.ofDelivery(delivery.id);
  const hadCredential = session !== null || requested !== null || issued.length > 0;
  if (hadCredential && (revoked === null || (session !== null && session.state !== 'CLEAN'))) {
    return { notYet: 'its credential is not proven revoked' };
  }
  const approved = await approvalsOf(sources, {
    ...{ promotion, subject, document, kept },
    at: new Date(intent.entry.at),
  });
  const started = await step('hook.started');
  const ended = await step('hook.finished');
  const log = await sources.deliveries.log(delivery.id, { after: 0, limit: maxEvidenceLogLines });
  const record: DeliveryRecord = {
    delivery: delivery.id,
    promotion: document.promotion,
    promotionDigest: subject,
    gate: document.gate,
    target: document.target,
    release: document.release,
    repository: document.repository,
    commit: document.commit,
    position: document.position,
    artifactBytes: promotion.artifactSize,
    approvals: approved,
    policy: document.policy,
    roster: document.roster,
    trust: requested?.entry.refs['trust'] ?? null,
    configuration: requested?.entry.refs['configuration'] ?? null,
    hook: {
      name: document.hook,
      startedAt: started?.entry.at ?? null,
      finishedAt: ended?.entry.at ?? null,
      exit: exitIn(ended?.entry),
    },
    startedAt: intent.entry.at,
    finishedAt: finished.entry.at,
    outcome,
    session:
      revoked === null
        ? null
        : {
            id: revoked.entry.refs['session'] ?? '',
            accessor: session?.accessor == null ? null : sha256Hex(Buffer.from(session.accessor)),
            revokedAt: revoked.entry.at,
          },
    credentials: issued,
    intent: intent.leaf,
    summary,
    log: { lines: log.length, sha256: sha256Hex(Buffer.from(deliveryLogText(log))) },
  };
  const artifact = { name: document.subject, sha256: document.artifact };
  return { statement: deliveryStatement(artifact, record), outcome };
}

/** Who counted when the delivery was begun, under the files that were approved. */
async function approvalsOf(
  sources: DeliverySources,
  given: {
    promotion: Promotion;
    subject: string;
    document: ReturnType<typeof parsePromotionDocument>;
    kept: { policy: TargetPolicy; roster: Roster };
    at: Date;
  },
): Promise<DeliveryRecord['approvals']> {
  const { promotion, subject, document, kept, at } = given;
  const signed = (await sources.approvals.of(promotion.id)).flatMap((approval) =>
    approval.decision === 'approve' &&
    approval.withdrawn === null &&
    approval.promotionDigest === subject &&
    approval.signed !== null
      ? [approval.signed]
      : [],
  );
  const { counting } = countApprovals({
    gate: document.gate,
    promotionDigest: subject,
    target: document.target,
    decision: decisionAsked(document),
    requester: document.requester,
    rules: rulesFor(
      kept.policy,
      { ...document, subjectName: document.subject, returns: document.return ?? null },
      promotion.delta,
      waiverOf(document)?.kind ?? null,
    ),
    roster: kept.roster,
    emails: promotion.delta.emails,
    editors: document.editors ?? [],
    approvals: signed.map(keptApproval),
    passkeys: await enrolledPasskeys(sources, signed),
    at,
  });
  return counting.map(({ approver, credentialId }) => ({
    person: approver,
    credential: credentialId,
    statement: sha256Hex(
      signed.find((each) => each.credentialId === credentialId)?.statement ?? Buffer.alloc(0),
    ),
  }));
}

/** What an entry says of one credential; null when it does not say all of it. */
function issuedIn({ at, refs }: LedgerEntry): IssuedCredential | null {
  const { as, kind, ending, holder, diesAt = null } = refs;
  return (
    IssuedCredential.safeParse({ as, kind, ending, holder, issuedAt: at, diesAt }).data ?? null
  );
}

function outcomeIn(entry: LedgerEntry | undefined): DeliveryRecord['outcome'] | null {
  const state = entry?.refs['state'];
  return state === 'succeeded' || state === 'failed' || state === 'indeterminate' ? state : null;
}

function exitIn(entry: LedgerEntry | undefined): number | null {
  const exit = entry?.refs['exit'];
  return exit === undefined || !/^\d{1,3}$/.test(exit) ? null : Number(exit);
}
