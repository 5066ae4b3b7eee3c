/**
 * The delivery statement: what the gate did with an artifact, once it is over and the credential is proven gone. Signed by
 * the authority, which takes it from signed bytes and proven ledger entries and not from what the deliverer says.
 */
import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { deliveryPredicate } from '../constants.ts';
import { credentialKinds, endings, maxReads } from '../policy/target-credentials.ts';
import { maxApprovals, maxReleaseLength, maxTextLength } from '../limits.ts';
import { GitCommit, Name, Sha256Hex, Timestamp } from '../wire/scalars.ts';
import { checkedPredicate, parseAttestation } from './attestation.ts';
import { statementBytes, type Subject } from './statement.ts';

const Text = z.string().min(1).max(maxTextLength);
const idOf = (prefix: string) => z.string().regex(new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{10}$`));

export const IssuedCredential = z.strictObject({
  as: Name,
  kind: z.enum(credentialKinds),
  ending: z
    .enum(endings)
    .describe('Only what is revocable ended with the session; see diesAt for the others.'),
  holder: Text.describe(
    'What it is known by: Postgres role, access key id, key id, serial, version.',
  ),
  issuedAt: Timestamp,
  diesAt: Timestamp.nullable().describe('End by itself; null when a person ends it.'),
});
export type IssuedCredential = z.infer<typeof IssuedCredential>;

export const DeliveryRecord = z.strictObject({
  delivery: idOf('dlv'),
  promotion: idOf('prm'),
  promotionDigest: Sha256Hex.describe('SHA-256 of the document that approvers signed.'),
  gate: Text,
  target: Name,
  release: z.string().min(1).max(maxReleaseLength),
  repository: Text,
  commit: GitCommit,
  position: z.number().int().nonnegative(),
  artifactBytes: z.number().int().nonnegative(),
  approvals: z
    .array(z.strictObject({ person: Name, credential: Text, statement: Sha256Hex }).readonly())
    .max(maxApprovals)
    .describe('Approvals that counted, with the digest of the statement that the passkey signed.'),
  policy: Sha256Hex,
  roster: Sha256Hex,
  trust: Sha256Hex.nullable().describe('trust.json when the login was minted; null without one.'),
  configuration: Sha256Hex.nullable().describe(
    'Manifest of the configuration in force then, which administrators signed; null without a login.',
  ),
  hook: z.strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}@sha256:[0-9a-f]{64}$/),
    startedAt: Timestamp.nullable(),
    finishedAt: Timestamp.nullable(),
    exit: z.number().int().nullable(),
  }),
  startedAt: Timestamp.describe('Of the intent in the ledger.'),
  finishedAt: Timestamp,
  outcome: z.enum(['succeeded', 'failed', 'indeterminate']),
  session: z
    .strictObject({
      id: idOf('vse'),
      accessor: Sha256Hex.nullable().describe('SHA-256 of the accessor of its Vault token.'),
      revokedAt: Timestamp.describe('When Vault was seen to list no token and no lease of it.'),
    })
    .nullable()
    .describe('The one login at Vault. Null when none was ever asked for.'),
  credentials: z
    .array(IssuedCredential.readonly())
    .max(maxReads)
    .describe('Everything that was issued, in that order.'),
  intent: Sha256Hex.describe('Leaf hash of the ledger entry delivery.intent.'),
  summary: Sha256Hex.describe('SHA-256 of the payload of the verification summary.'),
  log: z.strictObject({ lines: z.number().int().nonnegative(), sha256: Sha256Hex }),
});
export type DeliveryRecord = z.infer<typeof DeliveryRecord>;

/** The bytes to sign. @throws AttestationError when a field has not its form. */
export function deliveryStatement(subject: Subject, record: DeliveryRecord): Buffer {
  // Parsing lists the fields in the order of the schema, whatever order the caller had.
  return statementBytes(subject, deliveryPredicate, checkedPredicate(DeliveryRecord, record));
}

/** @throws EncodingError, StatementError, AttestationError. */
export function parseDeliveryStatement(bytes: Uint8Array): {
  readonly subject: Subject;
  readonly predicate: DeliveryRecord;
} {
  return parseAttestation(bytes, deliveryPredicate, DeliveryRecord);
}

/** One line of a delivery's log, as it was kept. */
export type LogLine = { readonly at: Date; readonly stream: string; readonly line: string };

/** The log as evidence carries it and the delivery statement covers it: `time stream text`, a line each. */
export function deliveryLogText(lines: readonly LogLine[]): string {
  return lines
    .map(({ at, stream, line }) => `${at.toISOString()} ${stream} ${line.replaceAll('\n', '␊')}\n`)
    .join('');
}
