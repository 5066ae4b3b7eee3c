/**
 * The promotion document: one page of facts that says exactly what would be delivered, where, by which hook, under which
 * policy. Approvers sign its digest. Any change to any of it is another document, for which nobody has approved.
 */
import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { canonicalJson, parseCanonicalJson, type JsonInput } from '../encoding/canonical-json.ts';
import type { ApprovalDecision } from '../approval/statement.ts';
import { sha256Hex } from '../encoding/hex.ts';
import { AirlockError } from '../errors.ts';
import { maxReleaseLength, maxStatementDepth, maxTextLength } from '../limits.ts';
import { Justified } from './waiver.ts';
import { ArtifactName, GitCommit, Name, Sha256Hex, Timestamp } from '../wire/scalars.ts';

/** How the question of each migration that was applied since is answered: by those who sign the document. */
export const migrationAnswers = ['tolerates', 'down'] as const;
export type MigrationAnswer = (typeof migrationAnswers)[number];

/** Most migrations that a return answers for. */
export const maxReturnMigrations = 200;
const maxReasonLength = 500;

/** A return as its approvers sign it, and as the promotion's row repeats it. */
export const ReturnOrder = z.strictObject({
  delivery: z
    .string()
    .regex(/^dlv_[0-9a-hjkmnp-tv-z]{10}$/)
    .describe('The delivery by which this release was live on the target before.'),
  promotion: z
    .string()
    .regex(/^prm_[0-9a-hjkmnp-tv-z]{10}$/)
    .describe('The promotion with which that release first came to the gate.'),
  reason: z.string().min(1).max(maxReasonLength),
  migrations: z
    .array(
      z.strictObject({
        path: z.string().min(1).max(4096),
        answer: z
          .enum(migrationAnswers)
          .describe(
            'tolerates: the schema stays and the release works with it. down: its undoing file takes it back.',
          ),
      }),
    )
    .max(maxReturnMigrations),
});

export type ReturnOrder = z.infer<typeof ReturnOrder>;

const Text = z.string().min(1).max(maxTextLength);

export const PromotionDocument = z
  .strictObject({
    v: z.literal(1),
    gate: Text.describe('Origin of the gate, such as https://gate.example.'),
    promotion: z
      .string()
      .regex(/^prm_[0-9a-hjkmnp-tv-z]{10}$/)
      .describe('Id of the promotion.'),
    target: Name,
    release: z.string().min(1).max(maxReleaseLength),
    repository: Text,
    commit: GitCommit,
    position: z.number().int().nonnegative().describe("Place on main's first-parent line."),
    subject: ArtifactName.describe('Name of the artifact.'),
    artifact: Sha256Hex,
    bundle: Sha256Hex,
    provenance: Sha256Hex.describe('SHA-256 of the provenance payload.'),
    policy: Sha256Hex.describe('SHA-256 of the target file.'),
    hook: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}@sha256:[0-9a-f]{64}$/)
      .describe('Hook, pinned by the digest of its directory.'),
    params: z.record(z.string(), z.union([z.string(), z.number().int(), z.boolean()])),
    roster: Sha256Hex.describe('SHA-256 of the roster of people.'),
    base: z
      .strictObject({ commit: GitCommit, release: z.string().min(1).max(maxReleaseLength) })
      .nullable()
      .describe('What the target runs now; null before its first delivery.'),
    rules: z
      .array(z.strictObject({ role: z.string(), count: z.number().int().min(1) }))
      .min(1)
      .exactOptional()
      .describe(
        'Rules of the target file that this promotion must meet. Absent from documents of a gate that knew no conditions: then it is the first one.',
      ),
    editors: z
      .array(Name)
      .exactOptional()
      .describe(
        'Roster ids of those who signed the configuration since the last delivery and do not count; absent where they are not excluded.',
      ),
    return: ReturnOrder.exactOptional().describe(
      'Only of a return to a release that was live before: which, why, and what becomes of the migrations since.',
    ),
    breakGlass: Justified.exactOptional().describe(
      'That it is to pass with the approvals of breakGlass in the target file and outside the windows; absent from every other promotion.',
    ),
    override: Justified.exactOptional().describe(
      'That it is to pass outside the windows, with the approvals of windows.override beside those of the rules; absent from every other promotion.',
    ),
    delta: Sha256Hex.describe('SHA-256 of the canonical JSON of the changes from base to commit.'),
    requester: Text.describe('As the signed request names them; the roster maps it to a person.'),
    requestedAt: Timestamp,
    notAfter: Timestamp.describe('When the promotion expires.'),
  })
  .refine(({ breakGlass, override }) => breakGlass === undefined || override === undefined, {
    path: ['override'],
    message: 'break-glass answers the windows itself; one document asks for one of them',
  });
export type PromotionDocument = z.infer<typeof PromotionDocument>;

/** What approvers of this document have to say. */
export function decisionAsked(document: Pick<PromotionDocument, 'return'>): ApprovalDecision {
  return document.return === undefined ? 'approve' : 'rollback';
}

export class PromotionDocumentError extends AirlockError<'promotion-document-malformed'> {}

/**
 * The canonical bytes of the document, keys in the order of the schema. Params keep theirs.
 *
 * @throws PromotionDocumentError when a field does not have its form.
 */
export function promotionDocument(facts: Omit<PromotionDocument, 'v'>): Buffer {
  const document = checked({ v: 1, ...facts });
  return canonicalJson(document satisfies JsonInput);
}

/** @throws EncodingError or PromotionDocumentError. */
export function parsePromotionDocument(bytes: Uint8Array): PromotionDocument {
  return checked(parseCanonicalJson(bytes, maxStatementDepth));
}

/** What approvals sign: SHA-256 of the document's bytes. */
export function promotionDigest(bytes: Uint8Array): string {
  return sha256Hex(bytes);
}

/** The digest that goes into `delta`: SHA-256 of the canonical JSON of whatever the approvers are shown as changes. */
export function deltaDigest(delta: JsonInput): string {
  return sha256Hex(canonicalJson(delta));
}

function checked(value: unknown): PromotionDocument {
  const parsed = PromotionDocument.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new PromotionDocumentError(
    'promotion-document-malformed',
    `promotion document, ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`,
  );
}
