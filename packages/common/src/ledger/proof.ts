/**
 * Inclusion and consistency: building from tiles, and verifying without them.
 *
 * @see RFC 6962, sections 2.1.1 and 2.1.2 (building); RFC 9162, sections 2.1.3.2 and 2.1.4.2 (verifying)
 */
import { Buffer } from 'node:buffer';
import { maxProofHashes, tileWidth } from '../limits.ts';
import { LedgerError } from './ledger-error.ts';
import { leavesPerHash, tileWidthAt, type TileRef } from './tile.ts';
import { assertSize, hashBytes, nodeHash, rootOf, splitPoint } from './tree.ts';

/**
 * Gives the hashes of a tile, `width` of them or more: a tile that has grown since is as good.
 * Answers null when there is no such tile.
 */
export type TileReader = (ref: TileRef) => Promise<Uint8Array | null>;

/** Hashes from the leaf's sibling up to the root's child. @param index below `size`. */
export async function buildInclusionProof(
  read: TileReader,
  index: number,
  size: number,
): Promise<Buffer[]> {
  assertSize(index, 'the index');
  assertSize(size, 'the size of the tree');
  if (index >= size) {
    throw new LedgerError('size-out-of-range', `no entry ${index} in a tree of ${size}`);
  }
  const hashOf = rangeHasher(read, size);
  const path = (start: number, end: number): Promise<Buffer>[] => {
    if (end - start === 1) return [];
    const middle = start + splitPoint(end - start);
    return index < middle
      ? [...path(start, middle), hashOf(middle, end)]
      : [...path(middle, end), hashOf(start, middle)];
  };
  return Promise.all(path(0, size));
}

/** Proof that the tree of `size` goes on from the tree of `oldSize`. @param oldSize 1 to `size`. */
export async function buildConsistencyProof(
  read: TileReader,
  oldSize: number,
  size: number,
): Promise<Buffer[]> {
  assertConsistencySizes(oldSize, size);
  const hashOf = rangeHasher(read, size);
  const path = (start: number, end: number, isOldRoot: boolean): Promise<Buffer>[] => {
    if (oldSize === end) return isOldRoot ? [] : [hashOf(start, end)];
    const middle = start + splitPoint(end - start);
    return oldSize <= middle
      ? [...path(start, middle, isOldRoot), hashOf(middle, end)]
      : [...path(middle, end, false), hashOf(start, middle)];
  };
  return Promise.all(path(0, size, true));
}

export type InclusionClaim = {
  readonly index: number;
  readonly size: number;
  readonly leafHash: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
};

/** @throws LedgerError `inclusion-invalid`, or `size-out-of-range` for sizes that are none. */
export function verifyInclusion({ index, size, leafHash, proof, root }: InclusionClaim): void {
  assertSize(index, 'the index');
  assertSize(size, 'the size of the tree');
  const invalid = (why: string) => new LedgerError('inclusion-invalid', why);
  if (index >= size) throw invalid(`no entry ${index} in a tree of ${size}`);
  assertHashes([leafHash, root, ...proof], 'inclusion-invalid');
  let place = index;
  let last = size - 1;
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0) throw invalid('more hashes than the tree is high');
    if (isOdd(place) || place === last) {
      hash = nodeHash(sibling, hash);
      // A node without a right sibling rises until it has a left one.
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  if (last !== 0) throw invalid('fewer hashes than the tree is high');
  if (!sameBytes(hash, root)) throw invalid('the entry does not lead to the root');
}

export type ConsistencyClaim = {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
};

/**
 * @throws LedgerError `consistency-invalid`, or `size-out-of-range` when `oldSize` is 0 (from nothing, nothing follows:
 *   such a proof would be empty and accept any root) or above `size`.
 */
export function verifyConsistency(claim: ConsistencyClaim): void {
  const { oldSize, oldRoot, size, root, proof } = claim;
  assertConsistencySizes(oldSize, size);
  assertHashes([oldRoot, root, ...proof], 'consistency-invalid');
  const invalid = (why: string) => new LedgerError('consistency-invalid', why);
  if (oldSize === size) {
    if (proof.length > 0) throw invalid('no hashes expected between a tree and itself');
    if (!sameBytes(oldRoot, root)) throw invalid('two roots for one size');
    return;
  }
  let place = oldSize - 1;
  let last = size - 1;
  while (isOdd(place)) [place, last] = [half(place), half(last)];
  // Where the old tree is one perfect subtree, its root is the first hash, and the prover leaves it out.
  const [first, ...rest] = place === 0 ? [oldRoot, ...proof] : proof;
  if (first === undefined) throw invalid('an empty proof');
  let oldHash = first;
  let hash = first;
  for (const sibling of rest) {
    if (last === 0) throw invalid('more hashes than the tree is high');
    if (isOdd(place) || place === last) {
      oldHash = nodeHash(sibling, oldHash);
      hash = nodeHash(sibling, hash);
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  if (last !== 0) throw invalid('fewer hashes than the tree is high');
  if (!sameBytes(oldHash, oldRoot)) throw invalid('the proof does not lead to the old root');
  if (!sameBytes(hash, root)) throw invalid('the proof does not lead to the new root');
}

/**
 * Hash over leaves start..end of a tree, read from as few tiles as hold it. Each tile is read once, and all that a proof
 * needs are asked for before the first answer is waited for, so that a store can answer them together.
 */
function rangeHasher(read: TileReader, size: number) {
  const tiles = new Map<string, Promise<Buffer>>();
  const tile = (level: number, n: number): Promise<Buffer> => {
    const key = `${level}/${n}`;
    const loaded =
      tiles.get(key) ?? loadTile(read, { level, n, width: tileWidthAt(level, n, size) });
    tiles.set(key, loaded);
    return loaded;
  };
  const hashOf = async (start: number, end: number): Promise<Buffer> => {
    const count = end - start;
    const middle = count === 1 ? 0 : splitPoint(count);
    if (count !== 1 && middle * 2 !== count) {
      const halves = [hashOf(start, start + middle), hashOf(start + middle, end)] as const;
      return nodeHash(...(await Promise.all(halves)));
    }
    // A perfect subtree: it lies inside one tile of the highest level whose hashes are not larger than it.
    let level = 0;
    while (leavesPerHash(level + 1) <= count) level += 1;
    const firstHash = start / leavesPerHash(level);
    const n = Math.floor(firstHash / tileWidth);
    const hashes = await tile(level, n);
    const offset = firstHash - n * tileWidth;
    const wanted = Array.from({ length: count / leavesPerHash(level) }, (_, index) =>
      hashes.subarray((offset + index) * hashBytes, (offset + index + 1) * hashBytes),
    );
    return Buffer.from(rootOf(wanted));
  };
  return hashOf;
}

async function loadTile(read: TileReader, ref: TileRef): Promise<Buffer> {
  const hashes = await read(ref);
  if (hashes === null) {
    throw new LedgerError('tile-missing', `no tile ${ref.level}/${ref.n}`);
  }
  if (hashes.length < ref.width * hashBytes) {
    throw new LedgerError(
      'tile-malformed',
      `tile ${ref.level}/${ref.n} is shorter than ${ref.width}`,
    );
  }
  return Buffer.from(hashes.subarray(0, ref.width * hashBytes));
}

function assertConsistencySizes(oldSize: number, size: number): void {
  assertSize(oldSize, 'the old size');
  assertSize(size, 'the size of the tree');
  if (oldSize < 1 || oldSize > size) {
    throw new LedgerError(
      'size-out-of-range',
      `an old size of 1 to ${size} expected, found ${oldSize}`,
    );
  }
}

function assertHashes(
  hashes: readonly Uint8Array[],
  code: 'inclusion-invalid' | 'consistency-invalid',
): void {
  if (hashes.length > maxProofHashes || hashes.some((hash) => hash.length !== hashBytes)) {
    throw new LedgerError(
      code,
      `hashes of ${hashBytes} bytes, at most ${maxProofHashes}, expected`,
    );
  }
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
