/** The delivery as the ledger tells it, held against what the statement says: every step once, and in order. */
import type { LedgerEntry } from '@airlock/common/ledger/entry';
import type { DeliveryRecord } from '@airlock/common/intoto/delivery';
import type { Waiver } from '@airlock/common/promotion/waiver';
import { theEntry, type ProvenEntry } from './ledger.ts';
import { EvidenceFault } from './report.ts';

/** The moments that other checks judge by. */
export type Story = { readonly admittedAt: Date; readonly intentAt: Date };

/** Times by which bundle and approvals are judged. @throws EvidenceFault when the ledger does not have them once each. */
export function readTimes(
  entries: readonly ProvenEntry[],
  about: { readonly bundle: string; readonly promotion: string; readonly digest: string },
): Story {
  const admitted = theEntry(entries, 'bundle.admitted', {
    subject: about.bundle,
    refs: { promotion: about.promotion },
  });
  // Two intents under one document would be two deliveries under one set of approvals.
  const intent = theEntry(entries, 'delivery.intent', { subject: about.digest });
  return { admittedAt: new Date(admitted.at), intentAt: new Date(intent.at) };
}

/** @throws EvidenceFault for a step that is missing, doubled, out of order or at another time than the statement says. */
export function checkStory(
  entries: readonly ProvenEntry[],
  record: DeliveryRecord,
  about: {
    readonly bundle: string;
    readonly summary: string;
    readonly statement: string;
    /** Of the document that was approved. */
    readonly waiver: Waiver | null;
  },
): string {
  const { hook, session, credentials } = record;
  const subject = record.promotionDigest;
  const step = (
    type: LedgerEntry['type'],
    at: string | null,
    refs: Readonly<Record<string, string>> = {},
  ): ProvenEntry => {
    const entry = theEntry(entries, type, {
      subject,
      refs: { delivery: record.delivery, ...refs },
    });
    if (at !== null && entry.at !== at) {
      throw new EvidenceFault(`${type} was at ${entry.at}, the delivery statement says ${at}`);
    }
    return entry;
  };
  const admitted = theEntry(entries, 'bundle.admitted', {
    subject: about.bundle,
    refs: { promotion: record.promotion },
  });
  const approved = record.approvals.map(({ statement }) =>
    theEntry(entries, 'approval.recorded', { subject, refs: { statement } }),
  );
  const intent = step('delivery.intent', record.startedAt, { target: record.target });
  if (intent.leaf !== record.intent) throw new EvidenceFault('the statement names another intent');
  if (session === null && credentials.length > 0) {
    throw new EvidenceFault('the statement names credentials and no session that ended them');
  }
  const ofSession = session === null ? {} : { session: session.id };
  const { waiver } = about;
  const used =
    waiver === null || credentials.length === 0
      ? []
      : [step(`${waiver.kind}.used`, null, { asker: waiver.person })];
  const issued =
    credentials.length === 0
      ? []
      : [
          step('credential.requested', null, ofSession),
          ...credentials.map(({ issuedAt, diesAt, ...shown }) => {
            const entry = step('credential.issued', issuedAt, { ...ofSession, ...shown });
            if ((entry.refs['diesAt'] ?? null) === diesAt) return entry;
            throw new EvidenceFault(
              `${shown.as} ends by the ledger at ${entry.refs['diesAt'] ?? 'no time'}, by the delivery statement at ${diesAt ?? 'none'}`,
            );
          }),
        ];
  const ran = [
    ...(hook.startedAt === null ? [] : [step('hook.started', hook.startedAt, { hook: hook.name })]),
    ...(hook.finishedAt === null
      ? []
      : [
          step('hook.finished', hook.finishedAt, {
            exit: hook.exit === null ? 'none' : String(hook.exit),
          }),
        ]),
  ];
  const revoked =
    session === null ? [] : [step('credential.revoked', session.revokedAt, ofSession)];
  const finished = step('delivery.finished', record.finishedAt, { state: record.outcome });
  const told = [intent, ...used, ...issued, ...ran, ...revoked, finished];
  refuseUntold(entries, record, { told, waiver });
  const stated = theEntry(entries, 'attestation.issued', { subject: about.statement });
  const summed = theEntry(entries, 'attestation.issued', { subject: about.summary });

  inOrder([admitted, summed, stated]);
  for (const approval of approved) inOrder([admitted, approval, intent]);
  inOrder([intent, ...used, ...issued, ...ran, finished, stated]);
  inOrder([intent, ...issued, ...ran, ...revoked, stated]);
  const [end] = revoked;
  return end !== undefined && end.index > finished.index
    ? 'the ledger has every step in its order; what it held was proven gone only after the end'
    : 'the ledger has every step once and in its order, the intent before any credential';
}

/** What the statement leaves out must not be in the ledger, or "no credential" would be said by silence. */
function refuseUntold(
  entries: readonly ProvenEntry[],
  { delivery, promotionDigest, session }: DeliveryRecord,
  { told, waiver }: { readonly told: readonly ProvenEntry[]; readonly waiver: Waiver | null },
): void {
  for (const entry of entries) {
    if (entry.subjectDigest !== promotionDigest || entry.refs['delivery'] !== delivery) continue;
    // A login that was asked for and never led to a credential: the statement names its session alone.
    if (entry.type === 'credential.requested' && session !== null) continue;
    if (told.includes(entry)) continue;
    // How waves, verification and return went is the deliverer's own account; it brings no credential with it.
    if (entry.type === 'delivery.stage') continue;
    // That it was used, and looked at afterwards, follows from the document that was approved.
    if (waiver !== null && entry.type.startsWith(`${waiver.kind}.`)) continue;
    throw new EvidenceFault(
      `the ledger has ${entry.type}, which the delivery statement leaves out`,
    );
  }
}

function inOrder(steps: readonly ProvenEntry[]): void {
  for (const [place, entry] of steps.entries()) {
    const before = steps[place - 1];
    if (before !== undefined && before.index >= entry.index) {
      throw new EvidenceFault(`${entry.type} stands before ${before.type}`);
    }
  }
}
