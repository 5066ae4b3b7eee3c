/** Which security key signs, by the options that every command of that kind has. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hardwareSigner, softwareSigner, type SshSigner } from './approve-by-ssh.ts';
import { CliError, exitCode } from './exit-codes.ts';
import { demoContext } from './release-commands.ts';

export type SignerOptions = {
  readonly as: string;
  readonly sshKey?: string;
  readonly softwareKey?: true;
};

/** Null where neither kind of security key was named. */
export function chosenSigner(options: SignerOptions): SshSigner | null {
  if (options.sshKey !== undefined && options.softwareKey === true) {
    throw new CliError(exitCode.usage, 'name one key: --ssh-key FILE or --software-key');
  }
  if (options.sshKey !== undefined) return hardwareSigner(options.sshKey);
  if (options.softwareKey === undefined) return null;
  // Only a demo has this context: a key in software is no key of a release manager.
  const directory = resolve(demoContext().passkeys);
  mkdirSync(directory, { recursive: true });
  return softwareSigner(join(directory, `${options.as}.security-key.json`));
}
