/**
 * The audit of a whole ledger from its export (a directory or a web address): every entry hashed again, every tile
 * compared, the root compared with the signed checkpoint.
 */
import type { Buffer } from 'node:buffer';
import { tileWidth } from '../limits.ts';
import { appendLeaves, type Appended } from './append.ts';
import { openCheckpoint, type Checkpoint } from './checkpoint.ts';
import { LedgerError, type LedgerCode } from './ledger-error.ts';
import { parseVkey } from './note.ts';
import {
  entriesPath,
  parseEntryBundle,
  tileHashes,
  tilePath,
  tileWidthAt,
  type Tile,
  type TileRef,
} from './tile.ts';
import { hashBytes, leafHash } from './tree.ts';

/** Gives a file of the export by its path, such as `checkpoint` or `tile/0/000.p/5`; null when there is none. */
export type LedgerRead = (path: string) => Promise<Buffer | null>;

export type LedgerVerification =
  | {
      readonly ok: true;
      readonly origin: string;
      readonly size: number;
      readonly root: string;
      /** Entries whose bytes were read and hashed: all, or those from `since` on. */
      readonly entriesRead: number;
      /** The root that this ledger had at `since`, to compare with the checkpoint kept from then; hexadecimal. */
      readonly rootAtSince: string | null;
    }
  | { readonly ok: false; readonly code: LedgerCode; readonly detail: string };

/**
 * Verifies a ledger.
 *
 * @param input.vkey verifier key of the log, obtained by another way than the export.
 * @param input.since entries below this index are not read again but taken from the tiles; the answer then names the root
 *   at that size, which must equal the root in the checkpoint that the auditor kept.
 * @returns a verdict for everything the export can get wrong; errors of `read` pass through.
 */
export async function verifyLedger(input: {
  readonly read: LedgerRead;
  readonly vkey: string;
  readonly since?: number;
}): Promise<LedgerVerification> {
  try {
    const since = input.since ?? 0;
    const checkpoint = await readCheckpoint(input.read, input.vkey);
    if (!Number.isSafeInteger(since) || since < 0 || since > checkpoint.size) {
      throw new LedgerError(
        'size-out-of-range',
        `the ledger has ${checkpoint.size} entries, not ${since}`,
      );
    }
    const rootAtSince = await rebuild(input.read, checkpoint, since);
    return {
      ok: true,
      origin: checkpoint.origin,
      size: checkpoint.size,
      root: checkpoint.root.toString('hex'),
      entriesRead: checkpoint.size - firstEntryRead(since),
      rootAtSince: input.since === undefined ? null : rootAtSince.toString('hex'),
    };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { ok: false, code: error.code, detail: error.message };
  }
}

async function readCheckpoint(read: LedgerRead, vkey: string): Promise<Checkpoint> {
  const verifier = parseVkey(vkey);
  const note = await read('checkpoint');
  if (note === null) throw new LedgerError('checkpoint-missing', 'the export has no checkpoint');
  return openCheckpoint(note, verifier);
}

/** Bundles are read whole, so reading starts at the bundle that holds `since`. */
function firstEntryRead(since: number): number {
  return Math.floor(since / tileWidth) * tileWidth;
}

/** Builds the tree anew and compares it with every tile and with the checkpoint. @returns the root at `since`. */
async function rebuild(read: LedgerRead, checkpoint: Checkpoint, since: number): Promise<Buffer> {
  const { size } = checkpoint;
  let tree = appendLeaves([], 0, []);
  let rootAtSince = tree.root;
  for (let n = 0; n * tileWidth < size; n += 1) {
    const start = n * tileWidth;
    const leaves = await readLeaves(read, n, size, start + tileWidth > since);
    if (since > start && since <= start + leaves.length) {
      rootAtSince = appendLeaves(tree.edge, tree.size, leaves.slice(0, since - start)).root;
    }
    tree = appendLeaves(tree.edge, tree.size, leaves);
    await compareFullTiles(read, tree);
  }
  for (const tile of tree.edge) await compareTile(read, tile, size);
  if (!tree.root.equals(checkpoint.root)) {
    throw new LedgerError(
      'root-mismatch',
      `the entries lead to root ${tree.root.toString('hex')}, signed is ${checkpoint.root.toString('hex')}`,
    );
  }
  return rootAtSince;
}

async function readLeaves(
  read: LedgerRead,
  n: number,
  size: number,
  fromEntries: boolean,
): Promise<Buffer[]> {
  const ref = { level: 0, n, width: tileWidthAt(0, n, size) };
  if (!fromEntries) return tileHashes(await readTile(read, ref), ref.width);
  const path = entriesPath(n, ref.width);
  const bundle = (await read(path)) ?? (await read(entriesPath(n, tileWidth)));
  if (bundle === null) throw new LedgerError('tile-missing', `${path} is missing`);
  const entries = parseEntryBundle(bundle).slice(0, ref.width);
  if (entries.length !== ref.width) {
    throw new LedgerError(
      'tile-malformed',
      `${path} has ${entries.length} of ${ref.width} entries`,
    );
  }
  return entries.map(leafHash);
}

async function compareFullTiles(read: LedgerRead, tree: Appended): Promise<void> {
  for (const tile of tree.dirtyTiles) {
    if (tile.hashes.length === tileWidth * hashBytes) await compareTile(read, tile, tree.size);
  }
}

async function compareTile(read: LedgerRead, tile: Tile, size: number): Promise<void> {
  const { level, n } = tile;
  const ref = { level, n, width: tileWidthAt(level, n, size) };
  const found = await readTile(read, ref);
  if (!found.equals(tile.hashes)) {
    throw new LedgerError('tile-mismatch', `${tilePath(ref)} is not what the entries lead to`);
  }
}

/** A partial tile may have been replaced by the full one since the checkpoint was signed; its start is the same. */
async function readTile(read: LedgerRead, ref: TileRef): Promise<Buffer> {
  const path = tilePath(ref);
  const hashes = (await read(path)) ?? (await read(tilePath({ ...ref, width: tileWidth })));
  if (hashes === null) throw new LedgerError('tile-missing', `${path} is missing`);
  const wanted = ref.width * hashBytes;
  if (hashes.length < wanted || hashes.length % hashBytes !== 0) {
    throw new LedgerError(
      'tile-malformed',
      `${path} has ${hashes.length} bytes, ${wanted} expected`,
    );
  }
  return hashes.subarray(0, wanted);
}
