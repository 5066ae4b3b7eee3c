/** `airlock inventory`: where what leads into production lies, for whoever guards this machine. */
import { existsSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { readInstallation } from '../doctor/installation.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { inventory, type Jewel } from '../inventory/inventory.ts';
import { reaches } from '../inventory/meanings.ts';
import { safe, toStdout, type Print } from '../print.ts';

export function registerInventory(program: Command, print: Print = toStdout): void {
  program
    .command('inventory')
    .description(
      'every key, password and root of trust that the configurations name: what it opens, where it lies, who can get at it; exit 5 while one lies open',
    )
    .option(
      '--installation <directory>',
      'directory of the process configurations',
      existsSync('.demo/config') ? '.demo/config' : '/etc/airlock',
    )
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (options: { installation: string; output: 'table' | 'json' }) => {
      const installation = await readInstallation(options.installation).catch((cause: unknown) => {
        throw new CliError(
          exitCode.usage,
          `${options.installation} cannot be read; name the directory of the process configurations with --installation`,
          { cause },
        );
      });
      const jewels = await inventory(installation);
      print(options.output === 'json' ? [JSON.stringify(jewels, null, 2)] : inventoryLines(jewels));
      if (jewels.some(({ faults }) => faults.length > 0)) process.exitCode = exitCode.failedCheck;
    });
}

export function inventoryLines(jewels: readonly Jewel[]): string[] {
  const open = jewels.filter(({ faults }) => faults.length > 0).length;
  return [
    ...reaches.flatMap((reach) => {
      const found = jewels.filter((each) => each.reach === reach);
      if (found.length === 0) return [];
      return [`${reach} (${found.length})`, ...found.flatMap(jewelLines), ''];
    }),
    open === 0
      ? `${jewels.length} files and directories, none of which lies open`
      : `${open} of ${jewels.length} files and directories lie open`,
  ].map(safe);
}

function jewelLines({ kind, path, means, namedBy, mode, uid, listens, faults }: Jewel): string[] {
  const where =
    listens.length === 0 ? 'its process listens nowhere' : `beside ${listens.join(', ')}`;
  const access = mode === null ? 'not there, as far as this account sees' : `${mode} of uid ${uid}`;
  return [
    `  ${kind === 'secret' ? 'secret ' : 'trusted'}  ${means}`,
    `           ${path}  ${access}; ${where}`,
    `           ${namedBy.join(', ')}`,
    ...faults.map((fault) => `         ! ${fault}`),
  ];
}
