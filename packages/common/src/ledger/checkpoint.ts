/**
 * Checkpoints: the signed size and root of the ledger.
 *
 * @see C2SP tlog-checkpoint
 */
import { Buffer } from 'node:buffer';
import { decodeBase64 } from '../encoding/base64.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { LedgerError } from './ledger-error.ts';
import { openNote, signNote, type NoteSigner, type NoteVerifier } from './note.ts';
import { assertSize, hashBytes } from './tree.ts';

/** `origin` names the log and is the name of its key. */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Buffer };

/** The signed note for this tree; its origin is the signer's name. */
export function signCheckpoint(
  signer: NoteSigner,
  tree: { readonly size: number; readonly root: Uint8Array },
): string {
  assertSize(tree.size, 'the size of the tree');
  if (tree.root.length !== hashBytes) {
    throw new LedgerError('checkpoint-malformed', `a root of ${hashBytes} bytes expected`);
  }
  const root = Buffer.from(tree.root).toString('base64');
  return signNote(`${signer.name}\n${tree.size}\n${root}\n`, [signer]);
}

/**
 * Opens a checkpoint of the log whose key this is.
 *
 * Extension lines are refused: the specification advises against them, and ours has none.
 *
 * @throws LedgerError `note-…`, `checkpoint-malformed`, `checkpoint-origin`.
 */
export function openCheckpoint(note: Uint8Array, verifier: NoteVerifier): Checkpoint {
  const { text } = openNote(note, [verifier]);
  const [origin, size, root, end, ...more] = text.split('\n');
  if (origin === undefined || size === undefined || root === undefined) {
    throw new LedgerError('checkpoint-malformed', 'origin, size and root expected');
  }
  if (end !== '' || more.length > 0) {
    throw new LedgerError('checkpoint-malformed', 'lines after the root');
  }
  if (origin !== verifier.name) {
    throw new LedgerError(
      'checkpoint-origin',
      `origin ${verifier.name} expected, found ${JSON.stringify(origin.slice(0, 200))}`,
    );
  }
  return { origin, size: parseSize(size), root: parseRoot(root) };
}

function parseSize(text: string): number {
  const size = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(size)) {
    throw new LedgerError('checkpoint-malformed', 'a decimal size without leading zeros expected');
  }
  return size;
}

function parseRoot(text: string): Buffer {
  try {
    const root = decodeBase64(text);
    if (root.length === hashBytes) return root;
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
  }
  throw new LedgerError('checkpoint-malformed', `base64 of a root of ${hashBytes} bytes expected`);
}
