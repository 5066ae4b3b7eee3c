/** Where the commands that change a gate's configuration look when they are not told. */
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Administrators } from '@airlock/common/trust/administrators';
import { ConfigurationError } from '@airlock/process/config';
import { readAdministrators } from '@airlock/process/configuration-directory';
import { Option } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';

const either = (demo: string, installed: string): string => (existsSync(demo) ? demo : installed);

export const directoryOption = (): Option =>
  new Option(
    '-C, --directory <directory>',
    'directory of trust.json, roster.yaml, targets/ and manifest.dsse.json',
  ).default(either('.demo/gate-config', '/etc/airlock/gate'));

export const administratorsOption = (): Option =>
  new Option('--administrators <file>', 'root of trust, as the gate has it').default(
    either('.demo/config/administrators.json', '/etc/airlock/administrators.json'),
  );

/** Runs `work`; a faulty file ends it as misuse does, with the message that names the file. */
export async function onFiles<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    throw new CliError(exitCode.configuration, cause.message, { cause });
  }
}

export const administratorsAt = (file: string): Promise<Administrators> =>
  onFiles(() => readAdministrators(file));

/** How the directory is written into a command for the next person; nothing where it is the one that is looked at anyway. */
export function directoryArgument(directory: string): string {
  if (directory === directoryOption().defaultValue) return '';
  return ` -C ${isAbsolute(directory) ? directory : join('.', directory)}`;
}
