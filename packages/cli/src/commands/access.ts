/** `airlock who-can-deliver` and `airlock coalition`: whose hands production is in, read from the signed files. */
import {
  assumptions,
  groupInWords,
  warningsOf,
  waysOf,
  type AccessFiles,
} from '@airlock/common/access/coalition';
import { powersOf } from '@airlock/common/access/powers';
import {
  parseConfiguration,
  readConfiguration,
  verifyConfiguration,
} from '@airlock/process/configuration-directory';
import type { Command } from 'commander';
import { accessOf } from '../configuration/access.ts';
import {
  administratorsAt,
  administratorsOption,
  directoryOption,
  onFiles,
} from '../configuration/places.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';

type Given = { readonly directory: string; readonly administrators: string; readonly json?: true };

export function registerAccess(program: Command, print: Print = toStdout): void {
  program
    .command('who-can-deliver')
    .argument('<target>', 'such as prod-eu')
    .description('who may ask, approve, reject and change the rules, and through which login')
    .addOption(directoryOption())
    .addOption(administratorsOption())
    .option('--json', 'one JSON object')
    .action(async (target: string, given: Given) => {
      const [files] = await signedAccess(given, target);
      if (files === undefined) return;
      const powers = powersOf(files, new Date());
      print(
        given.json === true
          ? [JSON.stringify({ target, powers }, null, 2)]
          : [
              `${target}:`,
              ...powers.flatMap(({ what, need, holders, condition }) => [
                `  ${what}: ${holders.length === 0 ? 'nobody' : `${need} of ${holders.length}`}${condition === null ? '' : ` (${condition})`}`,
                ...holders.map(({ name, login }) => `    ${safe(name)}: ${safe(login)}`),
              ]),
            ],
      );
    });
  program
    .command('coalition')
    .argument('[target]', 'such as prod-eu; default: every target')
    .description(
      'the smallest groups who together could change production; exit 5 where one person is enough',
    )
    .addOption(directoryOption())
    .addOption(administratorsOption())
    .option('--json', 'one JSON object')
    .action(async (target: string | undefined, given: Given) => {
      const now = new Date();
      const targets = (await signedAccess(given, target)).map((files) => {
        const ways = waysOf(files, now);
        return { target: files.policy.target, ways, warnings: warningsOf(ways) };
      });
      print(
        given.json === true
          ? [JSON.stringify({ targets, assumptions }, null, 2)]
          : [
              ...targets.flatMap((one) => [
                `${one.target}:`,
                ...one.ways.flatMap(({ what, groups, isComplete }) => [
                  `  to ${what}:`,
                  ...(groups.length === 0 ? ['    nobody'] : []),
                  ...groups.map((group) => `    ${safe(groupInWords(group))}`),
                  ...(isComplete ? [] : ['    and more: there are too many ways to list']),
                ]),
                ...one.warnings.map((text) => `  ! ${safe(text)}`),
              ]),
              'Assumed:',
              ...assumptions.map((text) => `  ${text}`),
            ],
      );
      if (targets.some(({ warnings }) => warnings.length > 0)) {
        process.exitCode = exitCode.failedCheck;
      }
    });
}

/** @throws CliError for files that no quorum signed, and for a target that has none. */
async function signedAccess(given: Given, target: string | undefined): Promise<AccessFiles[]> {
  const administrators = await administratorsAt(given.administrators);
  return onFiles(async () => {
    const { directory } = given;
    const { envelope, files } = await readConfiguration(directory);
    verifyConfiguration(directory, { envelope, files, administrators });
    const parsed = parseConfiguration(directory, files);
    const names = target === undefined ? [...parsed.targets.keys()] : [target];
    return names.map((name) => {
      const access = accessOf(parsed, administrators, name);
      if (access !== null) return access;
      throw new CliError(
        exitCode.usage,
        `${JSON.stringify(name)} is no target of ${directory}; targets are ${[...parsed.targets.keys()].join(', ') || 'none'}`,
      );
    });
  });
}
