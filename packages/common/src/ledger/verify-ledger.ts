/**
 * The audit of a whole ledger from its export (a directory or a web address): every entry hashed again, every tile
 * compared, the root compared with the signed checkpoint.
 */
import type { Buffer } from 'node:buffer';
import { tileWidth } from '../limits.ts';
import { appendLeaves, type Appended } from './append.ts';
import { openCheckpoint, type Checkpoint } from './checkpoint.ts';
import { LedgerError, type LedgerCode } from './ledger-error.ts';
import { parseVkey, type NoteVerifier } from './note.ts';
import { openWitnessed, parseWitnessVkey, type WitnessPolicy } from './cosignature.ts';
import {
  entriesPath,
  parseEntryBundle,
  tileHashes,
  tilePath,
  tileWidthAt,
  witnessedCheckpointPath,
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
      /** The roots that this ledger had at the sizes of `rootsAt`, to compare with checkpoints kept from then; hexadecimal. */
      readonly roots: ReadonlyMap<number, string>;
      /** The signed checkpoint that all of it leads to, verbatim. */
      readonly checkpoint: string;
      /** The largest checkpoint with enough cosignatures, and theirs; null when no witness was asked for. */
      readonly witnessed: {
        readonly size: number;
        readonly by: readonly { readonly witness: string; readonly at: Date }[];
      } | null;
    }
  | { readonly ok: false; readonly code: LedgerCode; readonly detail: string };

/**
 * Verifies a ledger.
 *
 * @param input.vkey verifier key of the log, obtained by another way than the export.
 * @param input.since entries below this index are not read again but taken from the tiles: for whoever has read them before
 *   and compares the root at that size. Default 0: everything is read.
 * @param input.rootsAt sizes at which the caller knows the root from elsewhere; one above the ledger's size is left out of
 *   the answer.
 * @param input.witnesses verifier keys of witnesses, and how many of them have to have cosigned. The newest checkpoint may
 *   be on its way to them, so an older one with enough cosignatures, of the same ledger, is as good.
 * @param input.each is given every entry that is read. It is proven only when the answer is `ok`: the last step compares the root.
 * @returns a verdict for everything the export can get wrong; errors of `read` pass through.
 */
export async function verifyLedger(input: {
  readonly read: LedgerRead;
  readonly vkey: string;
  readonly since?: number;
  readonly rootsAt?: readonly number[];
  readonly each?: (index: number, entry: Buffer) => void;
  readonly witnesses?: { readonly vkeys: readonly string[]; readonly quorum: number };
}): Promise<LedgerVerification> {
  try {
    const { read } = input;
    const log = parseVkey(input.vkey);
    const since = input.since ?? 0;
    const note = await readNote(read);
    const checkpoint = openCheckpoint(note, log);
    if (!Number.isSafeInteger(since) || since < 0 || since > checkpoint.size) {
      throw new LedgerError(
        'size-out-of-range',
        `the ledger has ${checkpoint.size} entries, not ${since}`,
      );
    }
    const policy = policyOf(log, input.witnesses);
    const witnessed = policy === null ? null : await readWitnessed(read, note, policy);
    const roots = await rebuild({
      read,
      checkpoint,
      since,
      rootsAt: [
        ...(input.rootsAt ?? []),
        ...(witnessed === null ? [] : [witnessed.checkpoint.size]),
      ],
      each: input.each ?? (() => {}),
    });
    if (witnessed !== null) assertOneLedger(witnessed.checkpoint, roots);
    const asked = new Set(input.rootsAt ?? []);
    return {
      ok: true,
      origin: checkpoint.origin,
      size: checkpoint.size,
      root: checkpoint.root.toString('hex'),
      entriesRead: checkpoint.size - firstEntryRead(since),
      roots: new Map([...roots].filter(([size]) => asked.has(size))),
      checkpoint: note.toString('utf8'),
      witnessed:
        witnessed === null
          ? null
          : {
              size: witnessed.checkpoint.size,
              by: witnessed.cosignatures.map(({ witness, at }) => ({ witness: witness.name, at })),
            },
    };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { ok: false, code: error.code, detail: error.message };
  }
}

async function readNote(read: LedgerRead): Promise<Buffer> {
  const note = await read('checkpoint');
  if (note === null) throw new LedgerError('checkpoint-missing', 'the export has no checkpoint');
  return note;
}

function policyOf(
  log: NoteVerifier,
  asked: { readonly vkeys: readonly string[]; readonly quorum: number } | undefined,
): WitnessPolicy | null {
  if (asked === undefined) return null;
  const witnesses = asked.vkeys.map(parseWitnessVkey);
  const names = new Set(witnesses.map(({ key }) => key.export({ type: 'spki', format: 'pem' })));
  // Two names for one key are one witness.
  if (names.size !== witnesses.length) {
    throw new LedgerError('note-key-malformed', 'two of the witnesses have the same key');
  }
  return { log, witnesses, quorum: asked.quorum };
}

async function readWitnessed(
  read: LedgerRead,
  note: Buffer,
  policy: WitnessPolicy,
): Promise<ReturnType<typeof openWitnessed>> {
  try {
    return openWitnessed(note, policy);
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'witness-quorum') throw error;
    const older = await read(witnessedCheckpointPath);
    if (older === null) throw error;
    return openWitnessed(older, policy);
  }
}

/** Both are signed by the log; were they of two ledgers, one of them would be shown to the witness alone. */
function assertOneLedger(witnessed: Checkpoint, roots: ReadonlyMap<number, string>): void {
  const root = roots.get(witnessed.size);
  if (root === witnessed.root.toString('hex')) return;
  throw new LedgerError(
    'root-mismatch',
    root === undefined
      ? `witnesses saw ${witnessed.size} entries, more than this ledger shows`
      : `at ${witnessed.size} entries witnesses saw root ${witnessed.root.toString('hex')}, this ledger has ${root}`,
  );
}

/** Bundles are read whole, so reading starts at the bundle that holds `since`. */
function firstEntryRead(since: number): number {
  return Math.floor(since / tileWidth) * tileWidth;
}

/** Builds the tree anew and compares it with every tile and with the checkpoint. @returns the roots at those sizes. */
async function rebuild(work: {
  readonly read: LedgerRead;
  readonly checkpoint: Checkpoint;
  readonly since: number;
  readonly rootsAt: readonly number[];
  readonly each: (index: number, entry: Buffer) => void;
}): Promise<Map<number, string>> {
  const { read, checkpoint, since, rootsAt, each } = work;
  const { size } = checkpoint;
  const wanted = [...new Set(rootsAt)].sort((one, other) => one - other);
  const roots = new Map<number, string>();
  let tree = appendLeaves([], 0, []);
  if (wanted[0] === 0) roots.set(0, tree.root.toString('hex'));
  for (let n = 0; n * tileWidth < size; n += 1) {
    const start = n * tileWidth;
    const leaves =
      start + tileWidth > since
        ? (await readEntries(read, n, size)).map((entry, at) => {
            each(start + at, entry);
            return leafHash(entry);
          })
        : await readLeaves(read, n, size);
    for (const at of wanted) {
      if (at <= start || at > start + leaves.length) continue;
      const { root } = appendLeaves(tree.edge, tree.size, leaves.slice(0, at - start));
      roots.set(at, root.toString('hex'));
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
  return roots;
}

async function readLeaves(read: LedgerRead, n: number, size: number): Promise<Buffer[]> {
  const ref = { level: 0, n, width: tileWidthAt(0, n, size) };
  return tileHashes(await readTile(read, ref), ref.width);
}

async function readEntries(read: LedgerRead, n: number, size: number): Promise<Buffer[]> {
  const ref = { level: 0, n, width: tileWidthAt(0, n, size) };
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
  return entries;
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
