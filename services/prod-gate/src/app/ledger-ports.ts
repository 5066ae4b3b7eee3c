/** The ledger: what records into it, what reads it and what puts it in order. */
import type { LedgerEntryType } from '@airlock/common/ledger/entry';
import type { Transaction } from './ports.ts';

/** An entry as a use case states it; the body is the kernel's canonical JSON of these. */
export type EntryFacts = {
  readonly type: LedgerEntryType;
  readonly at: Date;
  /** Who: `intake`, `web`, `authority`, `deliverer`, `watchdog`, or `person:<id>`. */
  readonly actor: string;
  /** SHA-256 (hex) of what the entry is about. */
  readonly subjectDigest: string;
  /** Ids and digests; never personal free text, because an entry cannot be deleted. */
  readonly refs: Readonly<Record<string, string>>;
};

export type Recorder = {
  /**
   * Puts the entry into the queue of the ledger in the same transaction as the state change that it tells of.
   * @returns the leaf hash (hex) by which the entry will be found once it is sequenced.
   */
  record(tx: Transaction, entry: EntryFacts): Promise<string>;
};

export type LedgerRow = {
  readonly index: number;
  readonly body: Buffer;
  readonly leafHash: string;
  readonly sequencedAt: Date;
};

export type CheckpointRow = {
  readonly size: number;
  /** The signed note, with the lines of the witnesses that have cosigned it by now. */
  readonly note: string;
  readonly signedAt: Date;
};

export type Witnessed = CheckpointRow & {
  /** Whoever cosigned, by name of the key, oldest first. */
  readonly by: readonly { readonly witness: string; readonly at: Date }[];
};

/** What intake keeps of a witness's answers. */
export type CosignatureStore = {
  /** Size of the largest checkpoint that this witness cosigned; null before the first. */
  latest(witness: string): Promise<number | null>;
  /** Told twice is kept once. @param line with its line feed. */
  add(cosignature: { size: number; witness: string; line: string; at: Date }): Promise<void>;
};

/** The published ledger. What it returns is unproven until the proof is checked against the verifier key. */
export type LedgerReader = {
  checkpoint(): Promise<CheckpointRow | null>;
  /** The largest checkpoint that a witness cosigned. */
  witnessed(): Promise<Witnessed | null>;
  byLeafHash(leafHash: string): Promise<LedgerRow | null>;
  /** Oldest first. */
  bySubject(type: string, subjectDigest: string): Promise<LedgerRow[]>;
  /** Entries from `from` upwards, at most `limit`. */
  entries(from: number, limit: number): Promise<LedgerRow[]>;
  /** Hash tile (level, n): as many of its hashes as there are, 32 bytes each; null when it has none. */
  tile(level: number, n: number): Promise<Buffer | null>;
};

export type PendingEntry = { readonly id: bigint; readonly body: Buffer };

export type SequencedEntry = {
  readonly index: number;
  readonly body: Buffer;
  readonly leafHash: Buffer;
  readonly type: string;
  readonly subjectDigest: string;
};

/** The watchdog's side of the ledger. */
export type LedgerSequencer = {
  /**
   * Runs `work` in one transaction that alone holds the sequencer's lock: waits for another sequencer, commits when `work`
   * returns, rolls back when it throws.
   */
  exclusively<T>(work: (ledger: LedgerBatch) => Promise<T>): Promise<T>;
};

export type LedgerBatch = {
  /** Oldest first. */
  pending(limit: number): Promise<PendingEntry[]>;
  /** Which of these leaves are in the ledger already, in hexadecimal. */
  known(leafHashes: readonly Buffer[]): Promise<Set<string>>;
  head(): Promise<{ size: number; root: Buffer } | null>;
  /** The hashes of these tiles, as many as there are, in the order asked for; null where there is no such tile. */
  tiles(refs: readonly { level: number; n: number }[]): Promise<(Buffer | null)[]>;
  append(batch: {
    entries: readonly SequencedEntry[];
    tiles: readonly { level: number; n: number; hashes: Buffer }[];
    checkpoint: { size: number; root: Buffer; note: string };
  }): Promise<void>;
  drop(ids: readonly bigint[]): Promise<void>;
};
