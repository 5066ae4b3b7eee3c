/**
 * A receipt that stands alone: index, inclusion proof and signed checkpoint in one text file (`.tlog-proof`).
 *
 * @see C2SP tlog-proof
 */
import { Buffer } from 'node:buffer';
import { decodeBase64 } from '../encoding/base64.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { decodeUtf8 } from '../encoding/utf8.ts';
import { maxNoteBytes, maxProofHashes } from '../limits.ts';
import { openCheckpoint, type Checkpoint } from './checkpoint.ts';
import { LedgerError } from './ledger-error.ts';
import type { NoteVerifier } from './note.ts';
import { verifyInclusion } from './proof.ts';
import { hashBytes, leafHash } from './tree.ts';

const header = 'c2sp.org/tlog-proof@v1';

export type TlogProof = {
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note, verbatim. */
  readonly checkpoint: string;
};

export function formatTlogProof({ index, hashes, checkpoint }: TlogProof): string {
  const lines = hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`);
  return `${header}\nindex ${index}\n${lines.join('')}\n${checkpoint}`;
}

/** @throws LedgerError `proof-malformed`; also for an `extra` line, which nothing authenticates and we never write. */
export function parseTlogProof(bytes: Uint8Array): TlogProof {
  const malformed = (why: string) => new LedgerError('proof-malformed', why);
  if (bytes.length > maxNoteBytes) throw malformed(`at most ${maxNoteBytes} bytes expected`);
  const text = orMalformed(() => decodeUtf8(bytes));
  const divide = text.indexOf('\n\n');
  if (divide < 0) throw malformed('an empty line before the checkpoint expected');
  const [first, second = '', ...lines] = text.slice(0, divide).split('\n');
  if (first !== header) throw malformed(`${header} expected`);
  const index = Number(/^index (0|[1-9]\d{0,15})$/.exec(second)?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(index)) throw malformed('a line "index N" expected');
  if (lines.length > maxProofHashes) throw malformed(`at most ${maxProofHashes} hashes expected`);
  const hashes = lines.map((line) => {
    const hash = orMalformed(() => decodeBase64(line));
    if (hash.length !== hashBytes) throw malformed(`hashes of ${hashBytes} bytes expected`);
    return hash;
  });
  return { index, hashes, checkpoint: text.slice(divide + 2) };
}

/**
 * Checks that `entry` is in the ledger that `verifier` speaks for.
 *
 * @throws LedgerError for a malformed proof, a checkpoint that is not the log's, or an entry that is not in it.
 */
export function verifyTlogProof(
  proof: Uint8Array,
  entry: Uint8Array,
  verifier: NoteVerifier,
): { index: number; checkpoint: Checkpoint } {
  const { index, hashes, checkpoint: note } = parseTlogProof(proof);
  const checkpoint = openCheckpoint(Buffer.from(note, 'utf8'), verifier);
  verifyInclusion({
    index,
    size: checkpoint.size,
    leafHash: leafHash(entry),
    proof: hashes,
    root: checkpoint.root,
  });
  return { index, checkpoint };
}

function orMalformed<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new LedgerError('proof-malformed', cause.message, { cause });
  }
}
