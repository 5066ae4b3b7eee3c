/**
 * Nonprod's outbox is an append-only chain: dense numbers, and every item names the hash of the one before. The gate keeps
 * the last (seq, hash) that it took; whatever does not continue there is a rewritten or forked outbox.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@airlock/common/encoding/canonical-json';
import type { OutboxItem, OutboxPage } from '@airlock/common/wire/outbox';

export type ChainEnd = { readonly seq: number; readonly itemHash: string };

/** Where a chain begins that has no item yet. */
export const chainStart: ChainEnd = { seq: 0, itemHash: '0'.repeat(64) };

export type ChainFault = {
  readonly seq: number;
  /** What was expected and found, for people. */
  readonly detail: string;
};

/** SHA-256 (hex) of the item without `hash`, in the order of its schema. */
export function outboxItemHash(item: Omit<OutboxItem, 'hash'>): string {
  const { seq, prevHash, id, createdAt, bundle, artifact, claimedTarget } = item;
  return createHash('sha256')
    .update(
      canonicalJson({
        seq,
        prevHash,
        id,
        createdAt,
        bundle: { digest: bundle.digest, size: bundle.size },
        artifact: { digest: artifact.digest, size: artifact.size },
        claimedTarget,
      }),
    )
    .digest('hex');
}

/** The first place where the page does not continue the chain; null when all of it does. */
export function chainFault(end: ChainEnd, page: OutboxPage): ChainFault | null {
  if (page.head < end.seq) {
    return {
      seq: page.head,
      detail: `the outbox ends at ${page.head}, item ${end.seq} was taken before`,
    };
  }
  let { seq, itemHash } = end;
  for (const item of page.items) {
    const fault =
      item.seq !== seq + 1
        ? `item ${seq + 1} expected, found ${item.seq}`
        : item.prevHash !== itemHash
          ? `item ${item.seq} follows ${item.prevHash.slice(0, 12)}…, the gate took ${itemHash.slice(0, 12)}…`
          : outboxItemHash(item) !== item.hash
            ? `item ${item.seq} does not hash to what it says`
            : null;
    if (fault !== null) return { seq: item.seq, detail: fault };
    seq = item.seq;
    itemHash = item.hash;
  }
  return null;
}
