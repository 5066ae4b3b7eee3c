/**
 * What a log says to a witness and how the witness judges it.
 *
 * @see C2SP tlog-witness, "add-checkpoint"
 */
import { Buffer } from 'node:buffer';
import { decodeBase64 } from '../encoding/base64.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { decodeUtf8 } from '../encoding/utf8.ts';
import { maxWitnessRequestBytes } from '../limits.ts';
import type { Checkpoint } from './checkpoint.ts';
import { LedgerError } from './ledger-error.ts';
import { verifyConsistency } from './proof.ts';
import { emptyRoot, hashBytes } from './tree.ts';

/** The specification's bound on lines of a proof. */
const maxProofLines = 63;

/** The body of an answer 409: the size that the witness cosigned last. */
export const treeSizeContentType = 'text/x.tlog.size';

export type AddCheckpoint = {
  /** Size of the checkpoint that, as far as the log knows, the witness cosigned last; 0 for none. */
  readonly oldSize: number;
  /** Consistency proof from there; empty from 0. */
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint, verbatim. */
  readonly note: Buffer;
};

export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): Buffer {
  const lines = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`);
  return Buffer.concat([Buffer.from(`old ${oldSize}\n${lines.join('')}\n`, 'utf8'), note]);
}

/** @throws LedgerError `witness-request-malformed`; the checkpoint in it is not opened here. */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint {
  const malformed = (why: string) => new LedgerError('witness-request-malformed', why);
  if (body.length > maxWitnessRequestBytes) {
    throw malformed(`at most ${maxWitnessRequestBytes} bytes expected`);
  }
  const text = orMalformed(() => decodeUtf8(body));
  const divide = text.indexOf('\n\n');
  if (divide < 0) throw malformed('an empty line before the checkpoint expected');
  const [first = '', ...lines] = text.slice(0, divide).split('\n');
  const oldSize = Number(/^old (0|[1-9]\d{0,15})$/.exec(first)?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(oldSize)) throw malformed('a line "old N" expected');
  if (lines.length > maxProofLines) throw malformed(`at most ${maxProofLines} hashes expected`);
  const proof = lines.map((line) => {
    const hash = orMalformed(() => decodeBase64(line));
    if (hash.length !== hashBytes) throw malformed(`hashes of ${hashBytes} bytes expected`);
    return hash;
  });
  return { oldSize, proof, note: Buffer.from(text.slice(divide + 2), 'utf8') };
}

export type WitnessedTree = { readonly size: number; readonly root: Uint8Array };

export type WitnessVerdict =
  /** Persist this tree, then cosign. */
  | { readonly verdict: 'cosign'; readonly tree: WitnessedTree }
  /** 400: the log contradicts itself. */
  | { readonly verdict: 'malformed'; readonly detail: string }
  /** 409: the log means another tree than the one cosigned last, whose size this is. */
  | { readonly verdict: 'conflict'; readonly size: number }
  /** 422: the log does not go on from what was cosigned last. */
  | { readonly verdict: 'inconsistent'; readonly detail: string };

/**
 * Whether a witness may cosign a checkpoint; the order is the specification's.
 *
 * @param checkpoint opened from `request.note` with the log's key.
 * @param last what this witness cosigned last of this log, read under the lock that its next write takes.
 */
export function judgeCheckpoint(
  request: Pick<AddCheckpoint, 'oldSize' | 'proof'>,
  checkpoint: Checkpoint,
  last: WitnessedTree | null,
): WitnessVerdict {
  const { oldSize, proof } = request;
  const { size, root } = checkpoint;
  const seen = last ?? { size: 0, root: emptyRoot() };
  if (oldSize > size) {
    return { verdict: 'malformed', detail: `old size ${oldSize} is above the size ${size}` };
  }
  if (oldSize !== seen.size) return { verdict: 'conflict', size: seen.size };
  if (oldSize === size && Buffer.compare(root, seen.root) !== 0) {
    return { verdict: 'conflict', size: seen.size };
  }
  if (oldSize === 0) {
    // From nothing, everything follows: there is nothing to prove, and a proof would prove nothing.
    return proof.length === 0
      ? { verdict: 'cosign', tree: { size, root } }
      : { verdict: 'inconsistent', detail: 'a proof from an empty tree has no hashes' };
  }
  try {
    verifyConsistency({ oldSize, oldRoot: seen.root, size, root, proof });
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    return { verdict: 'inconsistent', detail: cause.message };
  }
  return { verdict: 'cosign', tree: { size, root } };
}

function orMalformed<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new LedgerError('witness-request-malformed', cause.message, { cause });
  }
}
