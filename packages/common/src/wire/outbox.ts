/**
 * What the gate pulls from nonprod (HTTPS, TLS 1.3, mutual, the gate-edge CA). The gate opens every connection.
 *
 *   GET  /v1/outbox?after=SEQ&limit=N      → OutboxPage, items in order of seq, at most 16
 *   GET  /v1/blobs/sha256/:hex             → bytes of a bundle or an artifact that an item names
 *   POST /v1/status                        StatusReport → 204: what became of the gate's side, for nonprod's pages only
 *   POST /v1/secret-marks                  SecretMarksRequest → SecretMarks, see wire/secret-marks
 *
 * `seq` is dense and every item carries the hash of the one before, so a rewritten or forked outbox is seen by the gate
 * (equivocation). `hash` is the SHA-256 of the canonical JSON of the item without `hash`.
 */
import { z } from 'zod';
import { Name, Sha256Hex, Timestamp } from './scalars.ts';

export const OutboxItem = z.strictObject({
  seq: z.number().int().positive(),
  /** Hash of the item before; 64 zeros for the first. */
  prevHash: Sha256Hex,
  /** Nonprod's promotion request (`prq_…`), to which status is reported back. */
  id: z.string().regex(/^prq_[0-9a-z]{10}$/),
  createdAt: Timestamp,
  bundle: z.strictObject({ digest: Sha256Hex, size: z.number().int().nonnegative() }),
  artifact: z.strictObject({ digest: Sha256Hex, size: z.number().int().nonnegative() }),
  /** Claimed, for the operator's eyes and for choosing a policy; every check uses the signed request. */
  claimedTarget: Name,
  hash: Sha256Hex,
});
export type OutboxItem = z.infer<typeof OutboxItem>;

export const OutboxPage = z.strictObject({
  items: z.array(OutboxItem).max(16),
  /** Highest seq there is; the gate knows by it how far behind it is. */
  head: z.number().int().nonnegative(),
});
export type OutboxPage = z.infer<typeof OutboxPage>;

export const PromotionStatus = z.strictObject({
  id: z.string().regex(/^prq_[0-9a-z]{10}$/),
  state: z.enum([
    'received',
    'refused',
    'waiting',
    'delivering',
    'live',
    'failed',
    'indeterminate',
    'expired',
    'superseded',
    'rejected',
  ]),
  /** One sentence for people, as the gate's own page shows it. */
  text: z.string().max(500),
  /** The admission code or denial codes when refused. */
  codes: z.array(z.string().max(64)).max(32),
  /** The gate's promotion id and page; null while it has none. */
  promotion: z.string().nullable(),
  page: z.url().nullable(),
  at: Timestamp,
});
export type PromotionStatus = z.infer<typeof PromotionStatus>;

export const StatusReport = z.strictObject({ reports: z.array(PromotionStatus).max(64) });
export type StatusReport = z.infer<typeof StatusReport>;
