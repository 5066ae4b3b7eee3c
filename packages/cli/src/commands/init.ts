/** `airlock init`: what a new installation begins with. */
import type { Command } from 'commander';
import { readInstallation } from '../doctor/installation.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { makeSecrets } from '../setup/installation-secrets.ts';

export function registerInit(program: Command, print: Print = toStdout): void {
  program
    .command('init')
    .description('begin an installation')
    .command('secrets')
    .description(
      'make the keys and passwords that the configurations of this host name, mode 0400; shows fingerprints alone, and writes over nothing',
    )
    .requiredOption('--installation <directory>', 'directory of the process configurations')
    .option('--root <directory>', 'put them below another root than this machine’s', '/')
    .action(async (options: { installation: string; root: string }) => {
      const installation = await readInstallation(options.installation).catch((cause: unknown) => {
        throw new CliError(
          exitCode.usage,
          `${options.installation} cannot be read; name the directory of the process configurations with --installation`,
          { cause },
        );
      });
      const { made, toCome } = await makeSecrets(installation, options.root);
      print(
        [
          ...made.map(
            ({ path, setting, fingerprint }) => `made ${path}  ${fingerprint}  ${setting}`,
          ),
          ...(made.length === 0
            ? ['these configurations name nothing that is made here']
            : ['give each to the account of its process (chown); airlock inventory shows them']),
          ...(toCome.length === 0 ? [] : ['', 'still to come:']),
          ...toCome.map(({ path, setting, from }) => `  ${path}  ${setting}: ${from}`),
        ].map(safe),
      );
    });
}
