/**
 * Is it in the ledger? An entry counts when its leaf is included in a tree whose root the ledger's key signed; that Postgres
 * has a row of it says nothing.
 */
import { openCheckpoint } from '@airlock/common/ledger/checkpoint';
import {
  parseLedgerEntry,
  type LedgerEntry,
  type LedgerEntryType,
} from '@airlock/common/ledger/entry';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { parseVkey } from '@airlock/common/ledger/note';
import {
  buildInclusionProof,
  verifyInclusion,
  type TileReader,
} from '@airlock/common/ledger/proof';
import { formatTlogProof } from '@airlock/common/ledger/tlog-proof';
import { leafHash } from '@airlock/common/ledger/tree';
import { followTree, type FollowedTree, type FollowLedger } from './follow-ledger.ts';
import type { LedgerReader, LedgerRow } from './ledger-ports.ts';

export type EntryReceipt = {
  readonly row: LedgerRow;
  /** Entries that the checkpoint of the receipt speaks of. */
  readonly size: number;
  readonly receipt: string;
};

export type LedgerProofs = {
  /**
   * Null while the entry is not sequenced or under no signed checkpoint yet.
   * @throws LedgerError when the checkpoint is not signed by the ledger's key or the proof does not hold.
   */
  entry(leafHash: string): Promise<LedgerRow | null>;
  /**
   * The first proven entry of that type about that subject, as its body says, that also `matches`. Whoever owns Postgres can
   * hide one: null is no proof that there is none, for which `facts` is. The first of a subject that was proven in the tree
   * that this process follows is not looked for again, because it never leaves that tree.
   * @throws LedgerError as `entry` does.
   */
  bySubject(
    type: LedgerEntryType,
    subjectDigest: string,
    matches?: (entry: LedgerEntry) => boolean,
  ): Promise<LedgerRow | null>;
  /** As `bySubject`, with a ledger that cannot be proven as an answer. */
  attempt(
    type: LedgerEntryType,
    subjectDigest: string,
    matches?: (entry: LedgerEntry) => boolean,
  ): Promise<{ entry: LedgerRow | null } | { fault: string }>;
  /**
   * The entry of that number, and a receipt (tlog-proof) that stands alone; null where the newest checkpoint does not reach it.
   * @throws LedgerError as `entry` does, and while the ledger cannot be followed.
   */
  receipt(index: number): Promise<EntryReceipt | null>;
  /** What the whole ledger says; see follow-ledger.ts. @throws LedgerError */
  facts: FollowLedger;
};

/** More than promotions wait and passkeys decide. */
const mostSubjects = 4_096;

export function createLedgerProofs(given: { ledger: LedgerReader; vkey: string }): LedgerProofs {
  const { ledger } = given;
  const verifier = parseVkey(given.vkey.trim());
  const follow = followTree(given);
  const readTile: TileReader = ({ level, n }) => ledger.tile(level, n);
  /** The first row of a type and subject, where that is in the tree that this process follows, which it never leaves. */
  const inTree = new Map<string, LedgerRow>();

  /** The tree that is followed; while none can be, the one that the newest checkpoint alone speaks of. */
  async function provingHead(): Promise<(FollowedTree & { isFollowed: boolean }) | null> {
    try {
      return { ...(await follow()).tree, isFollowed: true };
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
    }
    const row = await ledger.checkpoint();
    if (row === null) return null;
    const { size, root } = openCheckpoint(Buffer.from(row.note, 'utf8'), verifier);
    return { size, root, isFollowed: false };
  }

  async function proven(
    row: LedgerRow,
  ): Promise<{ readonly row: LedgerRow; readonly isFollowed: boolean } | null> {
    const head = await provingHead();
    if (head === null || row.index >= head.size) return null;
    const { index } = row;
    const { size, root, isFollowed } = head;
    const proof = await buildInclusionProof(readTile, index, size);
    verifyInclusion({ index, size, leafHash: leafHash(row.body), proof, root });
    return { row, isFollowed };
  }

  function remember(key: string, row: LedgerRow): void {
    inTree.set(key, row);
    const [oldest] = inTree.keys();
    if (inTree.size > mostSubjects && oldest !== undefined) inTree.delete(oldest);
  }

  const proofs: LedgerProofs = {
    facts: async () => (await follow()).facts,

    async entry(leafHash) {
      const row = await ledger.byLeafHash(leafHash);
      return row === null ? null : ((await proven(row))?.row ?? null);
    },

    async receipt(index) {
      await follow();
      const [checkpoint, [row]] = await Promise.all([
        ledger.checkpoint(),
        ledger.entries(index, 1),
      ]);
      if (checkpoint === null || row?.index !== index) return null;
      const { size, root } = openCheckpoint(Buffer.from(checkpoint.note, 'utf8'), verifier);
      if (index >= size) return null;
      const hashes = await buildInclusionProof(readTile, index, size);
      verifyInclusion({ index, size, leafHash: leafHash(row.body), proof: hashes, root });
      const receipt = formatTlogProof({ index, hashes, checkpoint: checkpoint.note });
      return { row, size, receipt };
    },

    async bySubject(type, subjectDigest, matches = () => true) {
      const key = `${type} ${subjectDigest}`;
      const known = inTree.get(key);
      if (known !== undefined && matches(parseLedgerEntry(known.body))) return known;
      const rows = await ledger.bySubject(type, subjectDigest);
      for (const [place, row] of rows.entries()) {
        const entry = parseLedgerEntry(row.body);
        if (entry.type !== type || entry.subjectDigest !== subjectDigest) continue;
        if (!matches(entry)) continue;
        const found = await proven(row);
        if (found === null) continue;
        if (found.isFollowed && place === 0) remember(key, row);
        return row;
      }
      return null;
    },

    async attempt(type, subjectDigest, matches) {
      try {
        return { entry: await proofs.bySubject(type, subjectDigest, matches) };
      } catch (cause) {
        if (cause instanceof LedgerError) return { fault: `${cause.code}: ${cause.message}` };
        throw cause;
      }
    },
  };
  return proofs;
}
