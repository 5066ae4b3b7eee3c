/** `airlock emergency-stop`: on the gate's host, by root, with every service of the gate away. */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { emergencyStopName } from '@airlock/common/constants';
import type { Command } from 'commander';
import { administratorsOption } from '../configuration/places.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';

export function registerEmergencyStop(program: Command, print: Print = toStdout): void {
  program
    .command('emergency-stop')
    .description(
      'on the gate’s host: nothing is taken in or delivered, what runs is ended, also while Postgres, Redis and the IdP are down',
    )
    .requiredOption('-m, --message <why>', 'everybody whose delivery waits reads it')
    .addOption(administratorsOption())
    .action((given: { message: string; administrators: string }) => {
      print(setEmergencyStop(given));
    });
}

/** @returns what to tell. @throws CliError when the file is not there for certain. */
export function setEmergencyStop({
  message,
  administrators,
}: {
  readonly message: string;
  readonly administrators: string;
}): string[] {
  const file = join(dirname(administrators), emergencyStopName);
  const reason = message.replace(/\p{Cc}/gu, ' ').trim();
  if (reason === '') throw new CliError(exitCode.usage, 'say why with -m');
  // Only there does the gate look: a stop in another place would stop nothing.
  if (!existsSync(administrators)) {
    throw new CliError(
      exitCode.configuration,
      `${administrators} is not there; name the gate's own with --administrators FILE, as its processes' configuration does`,
    );
  }
  const before = sinceOf(file);
  if (before === null) write(file, `${reason}\n`);
  return [
    before === null
      ? `${file} is on the disk: nothing new begins, and what runs is asked to end within two seconds and killed ten later.`
      : `${file} is there since ${before.toISOString()} and stays as it is.`,
    'To start again: remove it, and have two people lift the stop that it left, on /controls.',
  ];
}

function sinceOf(file: string): Date | null {
  return lstatSync(file, { throwIfNoEntry: false })?.mtime ?? null;
}

/** There as a whole and for good when this returns, also if the power goes then. */
function write(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  try {
    const handle = openSync(draft, 'wx', 0o644);
    try {
      // Whatever the umask is: every process of the gate must be able to read it.
      fchmodSync(handle, 0o644);
      writeSync(handle, text);
      fsyncSync(handle);
      renameSync(draft, file);
      const directory = openSync(dirname(file), 'r');
      try {
        fsyncSync(directory);
      } finally {
        closeSync(directory);
      }
    } finally {
      closeSync(handle);
      rmSync(draft, { force: true });
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(
      exitCode.error,
      `NOT STOPPED: ${file} cannot be written (${why}); try as root, or touch it by hand`,
      { cause },
    );
  }
}
