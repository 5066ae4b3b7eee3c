/** Entries of the ledger, each proven to be in the tree whose root the pinned key signed. */
import { EvidenceEntry, proofFile } from '@airlock/common/evidence/format';
import { openCheckpoint, type Checkpoint } from '@airlock/common/ledger/checkpoint';
import { parseLedgerEntry, type LedgerEntry } from '@airlock/common/ledger/entry';
import { parseTlogProof, verifyTlogProof } from '@airlock/common/ledger/tlog-proof';
import { leafHash } from '@airlock/common/ledger/tree';
import { linesIn, type EvidenceArchive } from './files.ts';
import type { Pinned } from './pinned.ts';
import { EvidenceFault } from './report.ts';

export type ProvenEntry = LedgerEntry & { readonly index: number; readonly leaf: string };

export function readCheckpoint({ file }: EvidenceArchive, { ledger }: Pinned): Checkpoint {
  return openCheckpoint(file('ledger/checkpoint'), ledger);
}

/** In the order of the ledger. @throws LedgerError or EvidenceFault for the first entry that is not proven. */
export function provenEntries(archive: EvidenceArchive, { ledger }: Pinned): ProvenEntry[] {
  const note = archive.text('ledger/checkpoint');
  const entries: ProvenEntry[] = [];
  for (const line of linesIn(archive, 'ledger/entries.ndjson')) {
    const { index, body } = EvidenceEntry.parse(JSON.parse(line));
    // Another reader could find another entry in another spelling.
    if (line !== JSON.stringify({ index, body })) {
      throw new EvidenceFault(`the line of entry ${index} is not as the gate writes it`);
    }
    if (index <= (entries.at(-1)?.index ?? -1)) {
      throw new EvidenceFault(`entry ${index} stands behind a later one`);
    }
    const bytes = Buffer.from(body, 'base64');
    const proof = archive.file(proofFile(index));
    // Under another checkpoint it could be the proof from a fork of the ledger.
    if (parseTlogProof(proof).checkpoint !== note) {
      throw new EvidenceFault(`the proof of entry ${index} is under another checkpoint`);
    }
    const proven = verifyTlogProof(proof, bytes, ledger);
    if (proven.index !== index) {
      throw new EvidenceFault(`the proof of entry ${index} is for entry ${proven.index}`);
    }
    entries.push({ ...parseLedgerEntry(bytes), index, leaf: leafHash(bytes).toString('hex') });
  }
  const proofs = [...archive.all.keys()].filter((name) => name.startsWith('ledger/proofs/'));
  if (proofs.length !== entries.length) throw new EvidenceFault('a proof without its entry');
  return entries;
}

type Wanted = { readonly subject?: string; readonly refs?: Readonly<Record<string, string>> };

/** The entries of this type about this subject with these references. */
export function entriesLike(
  entries: readonly ProvenEntry[],
  type: LedgerEntry['type'],
  { subject, refs = {} }: Wanted,
): ProvenEntry[] {
  return entries.filter(
    (entry) =>
      entry.type === type &&
      (subject === undefined || entry.subjectDigest === subject) &&
      Object.entries(refs).every(([name, value]) => entry.refs[name] === value),
  );
}

/** @throws EvidenceFault unless exactly one entry is like that. */
export function theEntry(
  entries: readonly ProvenEntry[],
  type: LedgerEntry['type'],
  wanted: Wanted,
): ProvenEntry {
  const found = entriesLike(entries, type, wanted);
  const [entry] = found;
  if (entry === undefined) throw new EvidenceFault(`no proven ledger entry ${type} of this`);
  if (found.length > 1) throw new EvidenceFault(`${found.length} ledger entries ${type} of this`);
  return entry;
}
