/** `airlock evidence` and `airlock verify`: what an auditor does. */
import { readFile } from 'node:fs/promises';
import { AirlockError } from '@airlock/common/errors';
import { parseConfig } from '@airlock/process/config';
import { importPinned, PinnedKeys, type Pinned } from '@airlock/verify/pinned';
import { linesOf } from '@airlock/verify/report';
import { verifyEvidence } from '@airlock/verify/verify-evidence';
import { Option, type Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';
import { saveEvidence } from '../release-commands.ts';

export function registerEvidence(program: Command, print: Print = toStdout): void {
  program
    .command('evidence')
    .argument('<promotion>', 'id such as prm_7k2q9x0d1f')
    .description('save everything an auditor needs to check a delivery offline')
    .addOption(
      new Option('--as <person>', 'whose eyes, in the demo: dana, leo, mira, oke or aud').default(
        'mira',
      ),
    )
    .option('--to <file>', 'where to write the archive')
    .action(async (id: string, options: { as: string; to?: string }) => {
      print([await saveEvidence(id, options)]);
    });

  program
    .command('verify')
    .argument('<evidence>', 'archive that `airlock evidence` wrote')
    .requiredOption(
      '--pinned <file>',
      'keys that you got by another way: {version, signers, ledger, attestations, administrators}',
    )
    .option('--json', 'one JSON object: {whole, facts: [{id, ok, text}], notChecked}')
    .description('check the evidence of a delivery offline; exit 0 whole, 5 altered or incomplete')
    .action(async (path: string, options: { pinned: string; json?: true }) => {
      const pinned = await readPinned(options.pinned);
      const archive = await readFile(path).catch(unreadable(path));
      const report = verifyEvidence({ archive, pinned, readYaml: parseConfig });
      print(options.json === true ? [JSON.stringify(report, null, 2)] : linesOf(report));
      if (!report.whole) process.exitCode = exitCode.failedCheck;
    });
}

/** @throws CliError `usage` that says which key of the file is not one; nothing is checked with half of the keys. */
async function readPinned(file: string): Promise<Pinned> {
  const text = await readFile(file, 'utf8').catch(unreadable(file));
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    throw new CliError(exitCode.usage, `${file} is not JSON; give the file of pinned keys`, {
      cause,
    });
  }
  const parsed = PinnedKeys.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new CliError(
      exitCode.usage,
      `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}; pinned keys are {"version": 1, "signers": […], "ledger": "…", "attestations": […], "administrators": {…}}`,
    );
  }
  try {
    return importPinned(parsed.data);
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    throw new CliError(exitCode.usage, `${file}: ${cause.message}`, { cause });
  }
}

const unreadable = (path: string) => (): never => {
  throw new CliError(exitCode.usage, `${path} cannot be read; name an existing file`);
};
