/** `airlock config diff`: what differs between two configuration files of processes, without a secret of either. */
import { readFile } from 'node:fs/promises';
import {
  configurationDigest,
  settingChanges,
  shownConfiguration,
  type Shown,
} from '@airlock/process/config-digest';
import type { Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, type Print } from '../print.ts';

export function registerConfigDiff(config: Command, print: Print): void {
  config
    .command('diff')
    .argument('<old>', 'configuration file of a process, such as gate-web.yaml of yesterday')
    .argument('<new>', 'the same of today')
    .description(
      'every setting that differs, secrets left out, and the digests that stand in the lines of the log; exit 1 when any does',
    )
    .action(async (old: string, now: string) => {
      const [before, after] = [await shownAt(old), await shownAt(now)];
      const changes = settingChanges(before, after);
      print([
        `${old}: ${configurationDigest(before)}`,
        `${now}: ${configurationDigest(after)}`,
        ...changes.flatMap((change) => [
          safe(change.path),
          ...(change.before === null ? [] : [`  - ${safe(change.before)}`]),
          ...(change.after === null ? [] : [`  + ${safe(change.after)}`]),
        ]),
        ...(changes.length === 0 ? ['nothing differs but comments, order or secrets'] : []),
      ]);
      if (changes.length > 0) process.exitCode = exitCode.error;
    });
}

async function shownAt(file: string): Promise<Shown> {
  try {
    return shownConfiguration(await readFile(file, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(
      exitCode.configuration,
      `${file}: ${why}; name two configuration files of processes`,
      { cause },
    );
  }
}
