import { Buffer } from 'node:buffer';
import { tileWidth } from '../limits.ts';
import { LedgerError } from './ledger-error.ts';
import { edgeTiles, tileHashes, type Tile } from './tile.ts';
import { assertSize, emptyRoot, hashBytes, nodeHash, rootOf } from './tree.ts';

/** What became of a tree by appending. */
export type Appended = {
  readonly size: number;
  readonly root: Buffer;
  /** Tiles to write: new ones, and partial ones that grew (their old bytes are a prefix of the new). */
  readonly dirtyTiles: readonly Tile[];
  /** The partial tiles of the new tree: the `edge` of the next call. */
  readonly edge: readonly Tile[];
};

/**
 * Appends leaves to a tree of which only the right edge is at hand.
 *
 * @param edge the tiles that `edgeTiles(size)` names, at exactly those widths, in any order.
 * @param leafHashes `leafHash` of each new entry, in order; with none, this computes the root.
 * @throws LedgerError `tile-malformed` when the edge is not the one of `size`.
 */
export function appendLeaves(
  edge: readonly Tile[],
  size: number,
  leafHashes: readonly Uint8Array[],
): Appended {
  assertSize(size, 'the size of the tree');
  const levels = levelsOf(edge, size);
  const dirty = new Map<string, Tile>();
  for (const leaf of leafHashes) {
    if (leaf.length !== hashBytes) {
      throw new LedgerError('tile-malformed', `a leaf hash of ${leaf.length} bytes`);
    }
    push(levels, 0, leaf, dirty);
  }
  const nextEdge = levels.flatMap((level, index) => tileOf(level, index) ?? []);
  for (const tile of nextEdge) {
    if (levels[tile.level]?.changed === true) dirty.set(`${tile.level}/${tile.n}`, tile);
  }
  return {
    size: size + leafHashes.length,
    root: rootOfLevels(levels),
    dirtyTiles: [...dirty.values()],
    edge: nextEdge,
  };
}

/** One level of the edge: the hashes of its partial tile and the number of that tile. */
type Level = { n: number; hashes: Uint8Array[]; changed: boolean };

function levelsOf(edge: readonly Tile[], size: number): Level[] {
  const refs = edgeTiles(size);
  if (refs.length !== edge.length) {
    throw new LedgerError(
      'tile-malformed',
      `${refs.length} edge tiles expected for size ${size}, found ${edge.length}`,
    );
  }
  const levels: Level[] = [];
  for (const { level, n, width } of refs) {
    const tile = edge.find((candidate) => candidate.level === level && candidate.n === n);
    if (tile === undefined) {
      throw new LedgerError('tile-malformed', `edge tile ${level}/${n} is not among those given`);
    }
    levelAt(levels, level, size).hashes = tileHashes(tile.hashes, width);
  }
  // Levels that end exactly at a tile's end have no partial tile but a number to go on from.
  for (let level = 0; tileWidth ** level <= size; level += 1) levelAt(levels, level, size);
  return levels;
}

function levelAt(levels: Level[], level: number, size: number): Level {
  for (let next = levels.length; next <= level; next += 1) {
    levels.push({ n: Math.floor(size / tileWidth ** (next + 1)), hashes: [], changed: false });
  }
  const found = levels[level];
  if (found === undefined) throw new LedgerError('size-out-of-range', `no level ${level}`);
  return found;
}

function push(levels: Level[], index: number, hash: Uint8Array, dirty: Map<string, Tile>): void {
  const level = levelAt(levels, index, 0);
  level.hashes.push(hash);
  level.changed = true;
  if (level.hashes.length < tileWidth) return;
  const full = tileOf(level, index);
  if (full !== null) dirty.set(`${full.level}/${full.n}`, full);
  push(levels, index + 1, rootOf(level.hashes), dirty);
  level.n += 1;
  level.hashes = [];
}

function tileOf(level: Level, index: number): Tile | null {
  if (level.hashes.length === 0) return null;
  return { level: index, n: level.n, hashes: Buffer.concat(level.hashes) };
}

/** Folds the perfect subtrees of the edge together, the smallest (rightmost) first. */
function rootOfLevels(levels: readonly Level[]): Buffer {
  let root: Uint8Array | null = null;
  for (const level of levels) {
    if (level.hashes.length === 0) continue;
    for (const subtree of perfectSubtrees(level.hashes).reverse()) {
      root = root === null ? subtree : nodeHash(subtree, root);
    }
  }
  return root === null ? emptyRoot() : Buffer.from(root);
}

function perfectSubtrees(hashes: readonly Uint8Array[]): Uint8Array[] {
  const roots: Uint8Array[] = [];
  let start = 0;
  for (let width = tileWidth / 2; width >= 1; width /= 2) {
    if (hashes.length - start < width) continue;
    roots.push(rootOf(hashes.slice(start, start + width)));
    start += width;
  }
  return roots;
}
