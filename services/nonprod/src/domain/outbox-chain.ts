/**
 * The outbox as the gate reads it: numbered without gaps, each item holding the hash of the one before. Whoever rewrites
 * an item that the gate has seen is found out at the next poll.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@airlock/common/encoding/canonical-json';
import type { OutboxItem } from '@airlock/common/wire/outbox';

export interface OutboxTip {
  readonly seq: number;
  readonly hash: string;
}

export type OutboxContent = Omit<OutboxItem, 'seq' | 'prevHash' | 'hash'>;

/** SHA-256 of the canonical JSON of the item without `hash`, its keys in the order of the wire format. */
export function outboxItemHash(item: Omit<OutboxItem, 'hash'>): string {
  const bytes = canonicalJson({
    seq: item.seq,
    prevHash: item.prevHash,
    id: item.id,
    createdAt: item.createdAt,
    bundle: { digest: item.bundle.digest, size: item.bundle.size },
    artifact: { digest: item.artifact.digest, size: item.artifact.size },
    claimedTarget: item.claimedTarget,
  });
  return createHash('sha256').update(bytes).digest('hex');
}

export function nextOutboxItem(tip: OutboxTip, content: OutboxContent): OutboxItem {
  const item = { seq: tip.seq + 1, prevHash: tip.hash, ...content };
  return { ...item, hash: outboxItemHash(item) };
}
