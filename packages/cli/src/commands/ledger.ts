/** `airlock ledger …`: for whoever wants to know, without asking the gate's people, that its past was not rewritten. */
import { writeFile } from 'node:fs/promises';
import { verifyLedger, type LedgerVerification } from '@airlock/common/ledger/verify-ledger';
import type { Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { exportLedger, proveEntry } from '../ledger-files.ts';
import { openMemory } from '../ledger-memory.ts';
import { ledgerSource, sourceOf, vkeyIn } from '../ledger-source.ts';
import { toStdout, type Print } from '../print.ts';

type VerifyOptions = {
  key: string;
  since?: string;
  remember?: string;
  witness?: string[];
  quorum?: string;
};

/** @param print what is said on standard output, line by line. */
export function registerLedger(program: Command, print: Print = toStdout): void {
  const ledger = program.command('ledger').description('the append-only log of the gate');
  ledger
    .command('verify')
    .argument('<source>', 'directory of an export, or the address of a gate')
    .requiredOption('--key <vkey>', 'verifier key of the log, or a file that holds it')
    .option(
      '--since <size>',
      'entries below are taken from the tiles; prints the root at that size',
    )
    .option(
      '--remember <file>',
      'where to keep the checkpoint that was seen last (default: in your state directory)',
    )
    .option('--witness <vkey...>', 'verifier keys of witnesses, or files that hold them')
    .option('--quorum <number>', 'how many of the witnesses must have cosigned (default: all)')
    .description(
      'hash every entry again, compare with the signed checkpoint and with what you saw last time; exit 0 whole, 5 not',
    )
    .action(async (source: string, options: VerifyOptions) => {
      await verify(source, options, print);
    });
  ledger
    .command('prove')
    .argument('<index>', 'number of the entry')
    .requiredOption('--source <source>', 'directory of an export, or the address of a gate')
    .requiredOption('--key <vkey>', 'verifier key of the log, or a file that holds it')
    .option('--to <file>', 'where to write the receipt (default: standard output)')
    .description(
      'a receipt (tlog-proof) that the entry is in the ledger, checked before it is given',
    )
    .action(async (index: string, options: { source: string; key: string; to?: string }) => {
      const proof = await proveEntry({
        read: sourceOf(options.source),
        vkey: await vkeyIn(options.key),
        index: wholeNumber(index, 'the index'),
      });
      if (options.to === undefined) {
        print([proof.trimEnd()]);
        return;
      }
      await writeFile(options.to, proof).catch(unwritable(options.to));
      print([`${options.to}: receipt of entry ${index}`]);
    });
  ledger
    .command('export')
    .argument('<directory>', 'where to write; full tiles that are there already are kept')
    .requiredOption('--source <source>', 'the address of a gate, or another export')
    .requiredOption('--key <vkey>', 'verifier key of the log, or a file that holds it')
    .description('copy the ledger as files (C2SP tlog-tiles) and verify the copy')
    .action(async (directory: string, options: { source: string; key: string }) => {
      const vkey = await vkeyIn(options.key);
      const { size, written } = await exportLedger({
        read: sourceOf(options.source),
        directory,
        vkey,
      });
      print([`${size} entries in ${directory}, ${written} files written`]);
      report(await verifyLedger({ read: ledgerSource(directory), vkey }), print);
    });
}

async function verify(source: string, options: VerifyOptions, print: Print): Promise<void> {
  const vkey = await vkeyIn(options.key);
  const since =
    options.since === undefined ? undefined : wholeNumber(options.since, 'the size after --since');
  const witnesses = await Promise.all((options.witness ?? []).map(vkeyIn));
  const quorum =
    options.quorum === undefined ? witnesses.length : wholeNumber(options.quorum, 'the quorum');
  if (quorum > witnesses.length) {
    throw new CliError(
      exitCode.usage,
      `--quorum ${quorum} of ${witnesses.length} witnesses can never be reached; name more of them with --witness`,
    );
  }
  const memory = await openMemory(options.remember, vkey);
  const rootsAt = [since, memory.last?.size].flatMap((size) => size ?? []);
  const result = await verifyLedger({
    read: sourceOf(source),
    vkey,
    rootsAt,
    ...(since === undefined ? {} : { since }),
    ...(witnesses.length === 0 ? {} : { witnesses: { vkeys: witnesses, quorum } }),
  });
  if (!report(result, print)) return;
  if (since !== undefined) print([`  root at ${since}: ${result.roots.get(since) ?? ''}`]);
  if (result.witnessed !== null) print([witnessedLine(result.size, result.witnessed)]);
  const contradiction = memory.contradiction(result);
  if (contradiction !== null) {
    const kept = await memory.keepContradiction(result.checkpoint);
    print([`✗ ${contradiction}`]);
    print([
      `  The checkpoint shown now is kept in ${kept}; yours stays in ${memory.file}. Both are signed by the log: show them to somebody who does not run it.`,
    ]);
    process.exitCode = exitCode.failedCheck;
    return;
  }
  if (memory.last !== null) {
    print([`  goes on from the ${memory.last.size} entries that you saw at ${memory.last.at}`]);
  }
  await memory.remember(result);
}

type Whole = Extract<LedgerVerification, { ok: true }>;

/** @returns whether the ledger is whole. */
function report(result: LedgerVerification, print: Print): result is Whole {
  if (result.ok) {
    print([
      `✓ ${result.origin}: ${result.size} entries, root ${result.root}, signed by the pinned key; ${result.entriesRead} read and hashed`,
    ]);
    return true;
  }
  // A wrong argument says nothing about the ledger.
  if (result.code === 'note-key-malformed') {
    throw new CliError(
      exitCode.usage,
      `a key that was given with --key or --witness: ${result.detail}`,
    );
  }
  print([`✗ ${result.code}: ${result.detail}`]);
  process.exitCode = exitCode.failedCheck;
  return false;
}

function witnessedLine(size: number, witnessed: NonNullable<Whole['witnessed']>): string {
  const by = witnessed.by.map(
    ({ witness, at }) => `${witness} at ${at.toISOString().slice(0, 19)}Z`,
  );
  const newer = size - witnessed.size;
  return `  witnessed up to ${witnessed.size} by ${by.length === 0 ? 'nobody' : by.join(', ')}${newer === 0 ? '' : `; ${newer} newer not yet`}`;
}

const unwritable = (file: string) => (): never => {
  throw new CliError(
    exitCode.usage,
    `${file} cannot be written; name another place with --to FILE`,
  );
};

function wholeNumber(text: string, what: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new CliError(exitCode.usage, `${what} is a whole number, not ${text}`);
}
