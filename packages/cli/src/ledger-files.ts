/** The ledger as files: copied in the layout of C2SP tlog-tiles, and receipts made from it. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openCheckpoint } from '@airlock/common/ledger/checkpoint';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { parseVkey } from '@airlock/common/ledger/note';
import { buildInclusionProof } from '@airlock/common/ledger/proof';
import {
  allTiles,
  entriesPath,
  parseEntryBundle,
  tilePath,
  tileWidthAt,
  witnessedCheckpointPath,
} from '@airlock/common/ledger/tile';
import { formatTlogProof, verifyTlogProof } from '@airlock/common/ledger/tlog-proof';
import type { LedgerRead } from '@airlock/common/ledger/verify-ledger';
import { tileWidth } from '@airlock/common/limits';
import { CliError, exitCode } from './exit-codes.ts';

const hashBytes = 32;

/**
 * Copies every file of the ledger; full tiles that are there already are kept, as they never change. The checkpoint is
 * written last, so that a copy that was interrupted still has the old one.
 */
export async function exportLedger(given: {
  read: LedgerRead;
  directory: string;
  vkey: string;
}): Promise<{ size: number; written: number }> {
  const { read, directory, vkey } = given;
  const note = await wanted(read, 'checkpoint');
  const { size } = told(() => openCheckpoint(note, parseVkey(vkey)));
  let written = 0;
  const copy = async (path: string, isFull: boolean): Promise<void> => {
    const at = join(directory, path);
    if (isFull && (await isThere(at))) return;
    await put(at, await wanted(read, path));
    written += 1;
  };
  for (const ref of allTiles(size)) {
    const isFull = ref.width === tileWidth;
    await copy(tilePath(ref), isFull);
    if (ref.level === 0) await copy(entriesPath(ref.n, ref.width), isFull);
  }
  const witnessed = await read(witnessedCheckpointPath);
  if (witnessed !== null) await put(join(directory, witnessedCheckpointPath), witnessed);
  await put(join(directory, 'checkpoint'), note);
  return { size, written };
}

/** @returns the receipt, which has been verified against the entry itself. */
export async function proveEntry(given: {
  read: LedgerRead;
  vkey: string;
  index: number;
}): Promise<string> {
  const { read, vkey, index } = given;
  const note = await wanted(read, 'checkpoint');
  const verifier = told(() => parseVkey(vkey));
  const { size } = told(() => openCheckpoint(note, verifier));
  if (index >= size) {
    throw new CliError(exitCode.usage, `the ledger has ${size} entries: 0 to ${size - 1}`);
  }
  try {
    const hashes = await buildInclusionProof(
      async ({ level, n, width }) => {
        const bytes = await partOrWhole(read, (of) => tilePath({ level, n, width: of }), width);
        return bytes.subarray(0, width * hashBytes);
      },
      index,
      size,
    );
    const proof = formatTlogProof({ index, hashes, checkpoint: note.toString('utf8') });
    const n = Math.floor(index / tileWidth);
    const bundle = await partOrWhole(read, (of) => entriesPath(n, of), tileWidthAt(0, n, size));
    const entry = parseEntryBundle(bundle)[index - n * tileWidth];
    if (entry === undefined) throw new LedgerError('tile-malformed', `entry ${index} is missing`);
    verifyTlogProof(Buffer.from(proof, 'utf8'), entry, verifier);
    return proof;
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new CliError(exitCode.failedCheck, `${cause.code}: ${cause.message}`, { cause });
  }
}

/** The partial tile of this size may have given way to the full one. */
async function partOrWhole(
  read: LedgerRead,
  path: (width: number) => string,
  width: number,
): Promise<Buffer> {
  return (await read(path(width))) ?? (await wanted(read, path(tileWidth)));
}

async function wanted(read: LedgerRead, path: string): Promise<Buffer> {
  const bytes = await read(path);
  if (bytes !== null) return bytes;
  throw new CliError(exitCode.failedCheck, `tile-missing: the source has no ${path}`);
}

function told<Value>(open: () => Value): Value {
  try {
    return open();
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new CliError(
      cause.code === 'note-key-malformed' ? exitCode.usage : exitCode.failedCheck,
      `${cause.code}: ${cause.message}`,
      { cause },
    );
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await readFile(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

async function put(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, bytes);
  await rename(`${path}.new`, path);
}
