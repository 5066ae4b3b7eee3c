/**
 * Is it in the ledger? An entry counts when its leaf is included in a tree whose root the ledger's key signed; that Postgres
 * has a row of it says nothing.
 */
import { openCheckpoint, type Checkpoint } from '@airlock/common/ledger/checkpoint';
import {
  parseLedgerEntry,
  type LedgerEntry,
  type LedgerEntryType,
} from '@airlock/common/ledger/entry';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { parseVkey } from '@airlock/common/ledger/note';
import { buildInclusionProof, verifyInclusion } from '@airlock/common/ledger/proof';
import { leafHash } from '@airlock/common/ledger/tree';
import { followLedger, type FollowLedger } from './follow-ledger.ts';
import type { LedgerReader, LedgerRow } from './ledger-ports.ts';

export type LedgerProofs = {
  /**
   * Null while the entry is not sequenced or under no signed checkpoint yet.
   * @throws LedgerError when the checkpoint is not signed by the ledger's key or the proof does not hold.
   */
  entry(leafHash: string): Promise<LedgerRow | null>;
  /**
   * The first proven entry of that type about that subject, as its body says, that also `matches`. Whoever owns Postgres can
   * hide one: null is no proof that there is none, for which `facts` is.
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
  /** What the whole ledger says; see follow-ledger.ts. @throws LedgerError */
  facts: FollowLedger;
};

export function createLedgerProofs(given: { ledger: LedgerReader; vkey: string }): LedgerProofs {
  const { ledger } = given;
  const verifier = parseVkey(given.vkey.trim());

  async function checkpoint(): Promise<Checkpoint | null> {
    const row = await ledger.checkpoint();
    return row === null ? null : openCheckpoint(Buffer.from(row.note, 'utf8'), verifier);
  }

  async function proven(row: LedgerRow): Promise<LedgerRow | null> {
    const head = await checkpoint();
    if (head === null || row.index >= head.size) return null;
    const { index } = row;
    const { size, root } = head;
    const proof = await buildInclusionProof(({ level, n }) => ledger.tile(level, n), index, size);
    verifyInclusion({ index, size, leafHash: leafHash(row.body), proof, root });
    return row;
  }

  const proofs: LedgerProofs = {
    facts: followLedger(given),

    async entry(leafHash) {
      const row = await ledger.byLeafHash(leafHash);
      return row === null ? null : proven(row);
    },

    async bySubject(type, subjectDigest, matches = () => true) {
      for (const row of await ledger.bySubject(type, subjectDigest)) {
        const entry = parseLedgerEntry(row.body);
        if (entry.type !== type || entry.subjectDigest !== subjectDigest) continue;
        if (!matches(entry)) continue;
        const found = await proven(row);
        if (found !== null) return found;
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
