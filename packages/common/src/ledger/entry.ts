/**
 * What the ledger says: short canonical JSON with digests. An entry can never be deleted, so it carries no payload and
 * no free text of people; big things stay in the content store under their digest.
 */
import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { canonicalJson, parseCanonicalJson } from '../encoding/canonical-json.ts';
import { maxLedgerEntryBytes } from '../limits.ts';
import { Sha256Hex, Timestamp } from '../wire/scalars.ts';
import { LedgerError } from './ledger-error.ts';

export const LedgerEntryType = z.enum([
  'bundle.admitted',
  'bundle.refused',
  'passkey.enrolled',
  'passkey.withdrawn',
  'approval.recorded',
  'approval.withdrawn',
  'delivery.asked',
  'delivery.announced',
  'delivery.intent',
  'credential.requested',
  'credential.issued',
  'hook.started',
  'hook.finished',
  'delivery.stage',
  'credential.revoked',
  'delivery.finished',
  'attestation.issued',
  'git.head',
  'configuration.changed',
  'rebuild.attested',
  'repository.frozen',
  'repository.released',
  'ledger.contradicted',
  'promotion.renewed',
  'stop.placed',
  'stop.lifted',
  'break-glass.asked',
  'break-glass.withdrawn',
  'break-glass.used',
  'break-glass.reviewed',
  'break-glass.unreviewed',
  'override.asked',
  'override.withdrawn',
  'override.used',
  'override.reviewed',
  'override.unreviewed',
  'target.drifted',
  'target.unobserved',
  'target.settled',
]);
export type LedgerEntryType = z.infer<typeof LedgerEntryType>;

const printable = /^[\x20-\x7e]*$/;

export const LedgerEntry = z.strictObject({
  v: z.literal(1),
  type: LedgerEntryType,
  at: Timestamp,
  actor: z
    .string()
    .min(1)
    .max(128)
    .regex(printable)
    .describe('Person id or process name, such as leo or gate-intake.'),
  subjectDigest: Sha256Hex.describe('What the entry is about.'),
  refs: z
    .record(z.string().regex(/^[a-z][A-Za-z0-9]{0,62}$/), z.string().max(256).regex(printable))
    .describe('Digests, ids and codes by name.'),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/**
 * The bytes of one entry, as they are hashed and kept.
 *
 * @throws LedgerError `entry-malformed`, `entry-too-large` (more than 65,535 bytes).
 */
export function ledgerEntry(entry: Omit<LedgerEntry, 'v'>): Buffer {
  const { type, at, actor, subjectDigest, refs } = checked({ v: 1, ...entry });
  const bytes = canonicalJson({ v: 1, type, at, actor, subjectDigest, refs });
  if (bytes.length > maxLedgerEntryBytes) {
    throw new LedgerError(
      'entry-too-large',
      `at most ${maxLedgerEntryBytes} bytes expected, found ${bytes.length}`,
    );
  }
  return bytes;
}

/** @throws EncodingError or LedgerError `entry-malformed`. */
export function parseLedgerEntry(bytes: Uint8Array): LedgerEntry {
  return checked(parseCanonicalJson(bytes, 4));
}

function checked(value: unknown): LedgerEntry {
  const parsed = LedgerEntry.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new LedgerError(
    'entry-malformed',
    `ledger entry, ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`,
  );
}
