/**
 * What this person saw last of a ledger. Whoever ever looked catches a rewritten past: that is what the file is for, so it
 * is never overwritten by something that contradicts it.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { openCheckpoint } from '@airlock/common/ledger/checkpoint';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { parseVkey } from '@airlock/common/ledger/note';
import type { LedgerVerification } from '@airlock/common/ledger/verify-ledger';
import { z } from 'zod';
import { CliError, exitCode } from './exit-codes.ts';

const Remembered = z.strictObject({
  version: z.literal(1),
  /** When it was seen, RFC 3339. */
  at: z.string(),
  /** The signed note, verbatim: with a second one that contradicts it, the proof. */
  checkpoint: z.string(),
});

type Whole = Extract<LedgerVerification, { ok: true }>;

export type LedgerMemory = {
  readonly file: string;
  /** Null when nothing was seen before. */
  readonly last: { readonly size: number; readonly root: string; readonly at: string } | null;
  /** How the ledger differs from what was seen, naming both; null when it goes on from there. */
  contradiction(now: Whole): string | null;
  /** @returns the file that the contradicting checkpoint was kept in. */
  keepContradiction(checkpoint: string): Promise<string>;
  remember(now: Whole): Promise<void>;
};

/**
 * @param file where to keep it; undefined takes one for this log in the user's state directory.
 * @throws CliError when the file holds something else, or a checkpoint that this key did not sign.
 */
export async function openMemory(file: string | undefined, vkey: string): Promise<LedgerMemory> {
  const path = file ?? defaultFile(vkey);
  const last = await read(path, vkey);
  return {
    file: path,
    last,
    contradiction(now) {
      if (last === null) return null;
      const seen = `you saw ${last.size} entries with root ${last.root} at ${last.at}`;
      if (now.size < last.size) {
        return `the ledger went back: ${seen}; it now shows ${now.size} with root ${now.root}`;
      }
      const root = now.roots.get(last.size);
      return root === last.root
        ? null
        : `the ledger was rewritten: ${seen}; for those ${last.size} it now has root ${root ?? 'none'}`;
    },
    async keepContradiction(checkpoint) {
      const kept = `${path}.contradiction`;
      await write(kept, checkpoint);
      return kept;
    },
    async remember(now) {
      const remembered: z.infer<typeof Remembered> = {
        version: 1,
        at: `${new Date().toISOString().slice(0, 19)}Z`,
        checkpoint: now.checkpoint,
      };
      await write(path, `${JSON.stringify(remembered, null, 2)}\n`);
    },
  };
}

function defaultFile(vkey: string): string {
  const state = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state');
  // Name and key hash of the log: a path has no use for the slashes of its name.
  const [name = '', hash = ''] = vkey.split('+');
  return join(state, 'airlock/ledgers', `${name.replaceAll(/[^A-Za-z0-9.-]/g, '_')}-${hash}.json`);
}

async function read(path: string, vkey: string): Promise<LedgerMemory['last']> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new CliError(
      exitCode.usage,
      `${path} cannot be read; name another file with --remember`,
      {
        cause: error,
      },
    );
  }
  try {
    const { checkpoint, at } = Remembered.parse(JSON.parse(text));
    const { size, root } = openCheckpoint(Buffer.from(checkpoint, 'utf8'), parseVkey(vkey));
    return { size, root: root.toString('hex'), at };
  } catch (cause) {
    // A key that is none is told by the verification itself.
    if (cause instanceof LedgerError && cause.code === 'note-key-malformed') return null;
    const why = cause instanceof Error ? cause.message.split('\n')[0] : '';
    throw new CliError(
      exitCode.usage,
      `${path} is not a checkpoint that you saw of this ledger (${why ?? ''}); it is your memory of its past, so look at it before you move it away or name another file with --remember`,
      { cause },
    );
  }
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
