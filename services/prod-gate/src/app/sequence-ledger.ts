/**
 * Moves what waits into the ledger and signs the new tree, all in one transaction: a checkpoint and its entries commit
 * together, and a note that was signed before a crash was never served.
 */
import { hash } from 'node:crypto';
import { appendLeaves } from '@airlock/common/ledger/append';
import { signCheckpoint } from '@airlock/common/ledger/checkpoint';
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import type { NoteSigner } from '@airlock/common/ledger/note';
import { edgeTiles, type Tile } from '@airlock/common/ledger/tile';
import { emptyRoot, hashBytes, leafHash } from '@airlock/common/ledger/tree';
import { AirlockError } from '@airlock/common/errors';
import type { LedgerBatch, LedgerSequencer, PendingEntry, SequencedEntry } from './ledger-ports.ts';

/** The tiles do not lead to the root of the last checkpoint: somebody changed the ledger's tables. */
export class LedgerDamagedError extends AirlockError<'ledger-damaged'> {}

/** Entries of one transaction: enough that neither signing nor the commit is what limits. */
const batchSize = 1024;

export type SequenceDependencies = { sequencer: LedgerSequencer; signer: NoteSigner };

export type Sequenced = { readonly added: number; readonly size: number };

/**
 * Sequences one batch.
 *
 * @returns how many entries were added and the size after; added 0 when nothing waited.
 * @throws LedgerDamagedError rather than sign a tree that does not continue the one signed last.
 */
export async function sequenceLedger(dependencies: SequenceDependencies): Promise<Sequenced> {
  const { sequencer, signer } = dependencies;
  return sequencer.exclusively(async (ledger) => {
    const pending = await ledger.pending(batchSize);
    const head = (await ledger.head()) ?? { size: 0, root: emptyRoot() };
    if (pending.length === 0) return { added: 0, size: head.size };
    const edge = await readEdge(ledger, head.size);
    if (!appendLeaves(edge, head.size, []).root.equals(head.root)) {
      throw new LedgerDamagedError(
        'ledger-damaged',
        `the tiles do not lead to the root signed for size ${head.size}; restore the ledger's tables from a backup, nothing is signed before`,
      );
    }
    const entries = await newEntries(ledger, pending, head.size);
    if (entries.length > 0) {
      const leaves = entries.map((entry) => entry.leafHash);
      const tree = appendLeaves(edge, head.size, leaves);
      const note = signCheckpoint(signer, tree);
      await ledger.append({
        entries,
        tiles: tree.dirtyTiles,
        checkpoint: { size: tree.size, root: tree.root, note },
      });
    }
    await ledger.drop(pending.map((entry) => entry.id));
    return { added: entries.length, size: head.size + entries.length };
  });
}

/** The partial tiles of a tree of `size`, as far as the tables hold them: `appendLeaves` says when they are not those. */
export async function readEdge(ledger: LedgerBatch, size: number): Promise<Tile[]> {
  const refs = edgeTiles(size);
  const found = await ledger.tiles(refs);
  return refs.map(({ level, n, width }, place) => ({
    level,
    n,
    hashes: (found[place] ?? Buffer.alloc(0)).subarray(0, width * hashBytes),
  }));
}

/** What waits and is not in the ledger: the same words said twice are one entry. */
async function newEntries(
  ledger: LedgerBatch,
  pending: readonly PendingEntry[],
  size: number,
): Promise<SequencedEntry[]> {
  const leaves = pending.map((entry) => leafHash(entry.body));
  const seen = await ledger.known(leaves);
  const entries: SequencedEntry[] = [];
  for (const [place, { body }] of pending.entries()) {
    const leaf = leaves[place] ?? leafHash(body);
    const key = leaf.toString('hex');
    if (seen.has(key)) continue;
    seen.add(key);
    entries.push({ index: size + entries.length, body, leafHash: leaf, ...describe(body) });
  }
  return entries;
}

/** Where an entry can be found. One that cannot be read is kept, so that nobody can stop the ledger by writing one. */
function describe(body: Buffer): { type: string; subjectDigest: string } {
  try {
    const { type, subjectDigest } = parseLedgerEntry(body);
    return { type, subjectDigest };
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    return { type: 'unreadable', subjectDigest: hash('sha256', body) };
  }
}
