/**
 * The hashes of a Merkle tree as Certificate Transparency defines them. Leaves and nodes are hashed with different first
 * bytes, so that no node can be passed off as a leaf.
 *
 * Sizes and indexes are safe integers, so arithmetic takes the place of bit operators, which stop at 32 bits.
 *
 * @see RFC 6962, section 2.1
 */
import { hash } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { LedgerError } from './ledger-error.ts';

export const hashBytes = 32;

const leafPrefix = Buffer.of(0);
/** One node's input, used again for every node: hashing is synchronous, and an audit hashes millions of them. */
const nodeInput = Buffer.concat([Buffer.of(1), Buffer.alloc(2 * hashBytes)]);

export function leafHash(entry: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([leafPrefix, entry]), 'buffer');
}

/** @throws LedgerError `tile-malformed` unless both are hashes of 32 bytes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== hashBytes || right.length !== hashBytes) {
    throw new LedgerError('tile-malformed', `two hashes of ${hashBytes} bytes expected`);
  }
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + hashBytes);
  return hash('sha256', nodeInput, 'buffer');
}

/** Root of a tree without leaves. */
export function emptyRoot(): Buffer {
  return hash('sha256', '', 'buffer');
}
/** The largest power of two below `count`, where RFC 6962 splits a tree. @param count 2 or more. */
export function splitPoint(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

/** Root of a tree whose leaves are all at hand. @throws LedgerError `size-out-of-range` when there are none. */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  return rootOfRange(leaves, 0, leaves.length);
}

function rootOfRange(leaves: readonly Uint8Array[], start: number, end: number): Uint8Array {
  if (end - start > 1) {
    const middle = start + splitPoint(end - start);
    return nodeHash(rootOfRange(leaves, start, middle), rootOfRange(leaves, middle, end));
  }
  const only = leaves[start];
  if (only === undefined) {
    throw new LedgerError('size-out-of-range', 'one leaf or more expected');
  }
  return only;
}

/** @throws LedgerError `size-out-of-range` unless `size` is a whole number from 0 to 2^53 - 1. */
export function assertSize(size: number, what: string): void {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new LedgerError('size-out-of-range', `${what} is not a whole number of 0 or more`);
  }
}
