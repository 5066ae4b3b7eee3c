/** `airlock config check` and `airlock config schema`: what helps whoever writes the files of a gate. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  parseConfiguration,
  readConfiguration,
  type ConfigurationFiles,
} from '@airlock/process/configuration-directory';
import { inspectConfiguration } from '@airlock/process/configuration-faults';
import {
  configurationFileNames,
  configurationSchema,
  type ConfigurationFileName,
} from '@airlock/process/configuration-schemas';
import { Argument, type Command } from 'commander';
import { accessChanges, accessWarnings } from '../configuration/access.ts';
import { hookFindings } from '../configuration/check-hooks.ts';
import { checkConfiguration } from '../configuration/check.ts';
import { inOrder, type Finding } from '../configuration/findings.ts';
import {
  administratorsAt,
  administratorsOption,
  directoryOption,
  onFiles,
} from '../configuration/places.ts';
import { draftOf } from '../configuration/proposal.ts';
import { exitCode } from '../exit-codes.ts';
import type { Print } from '../print.ts';

type Given = {
  readonly directory: string;
  readonly administrators: string;
  readonly hooks?: string;
  readonly json?: boolean;
};

export function registerConfigCheck(config: Command, print: Print): void {
  config
    .command('schema')
    .addArgument(
      new Argument('[file]', 'which file it is of')
        .choices(configurationFileNames)
        .default('target'),
    )
    .description('JSON Schema of a file that administrators write, for completion in an editor')
    .action((name: ConfigurationFileName) => {
      print([JSON.stringify(configurationSchema(name), null, 2)]);
    });
  config
    .command('check')
    .argument('[directory]', 'default: the draft if there is one, the files in force otherwise')
    .description(
      'can it do what it says? every fault of every file with its place, every rule, quorum, key and hook, and who may more or less than now; exit 5 for a fault',
    )
    .addOption(directoryOption())
    .addOption(administratorsOption())
    .option('--hooks <directory>', 'registered hooks, one directory each; default: hooks/ in it')
    .option('--json', 'print {directory, faults, notes}')
    .action(async (path: string | undefined, given: Given) => {
      const draft = draftOf(given.directory);
      const directory = path ?? (existsSync(draft) ? draft : given.directory);
      const { files } = await onFiles(() => readConfiguration(directory));
      const inspected = inspectConfiguration(files);
      const demo = process.env['AIRLOCK_DEMO'] === '1' || directory.startsWith('.demo/');
      const findings = inOrder([
        ...checkConfiguration(inspected, { now: new Date(), demo }),
        ...(await hookFindings(
          inspected,
          given.hooks ?? hooksOf(directory, path ?? given.directory),
        )),
      ]);
      const faults = findings.filter(({ kind }) => kind === 'fault');
      if (faults.length > 0) process.exitCode = exitCode.failedCheck;
      if (given.json === true) {
        const notes = findings.filter(({ kind }) => kind === 'note');
        print([JSON.stringify({ directory, faults: faults.map(row), notes: notes.map(row) })]);
        return;
      }
      const { targets, roster, trust } = inspected;
      const whole = roster !== null && trust !== null ? { targets, roster, trust } : null;
      const people = roster?.roster.people.length ?? 'no';
      print([
        `${directory}: ${targets.size} targets, ${people} people, ${trust?.signers.size ?? 'no'} keys`,
        ...findings.map((finding) => lineOf(directory, finding)),
        ...(whole === null ? [] : await powerLines(directory, whole, given)),
        faults.length === 0 ? '✓ it can do what it says' : `${faults.length} to mend`,
      ]);
    });
}

/** A draft has no hooks of its own: they are registered beside the files in force. */
const hooksOf = (directory: string, inForce: string): string =>
  join(existsSync(join(directory, 'hooks')) ? directory : inForce, 'hooks');

const row = ({ file, line, column, path, message }: Finding): Omit<Finding, 'kind'> => ({
  ...{ file, line, column, path, message },
});

/** `file:line:column`, which editors and terminals make a link of. */
function lineOf(directory: string, { kind, file, line, column, path, message }: Finding): string {
  const place = `${join(directory, file)}:${line}:${column}`;
  return `${kind === 'fault' ? '✗' : '!'} ${place} ${path === '' ? '' : `${path}: `}${message}`;
}

/** Where one person is enough, and what a draft gives and takes; none without the root of trust at hand. */
async function powerLines(
  directory: string,
  after: ConfigurationFiles,
  given: Given,
): Promise<string[]> {
  if (!existsSync(given.administrators)) return [];
  const options = { administrators: await administratorsAt(given.administrators), now: new Date() };
  const warnings = accessWarnings(after, options).map((text) => `! ${text}`);
  return onFiles(async () => {
    const inForce = directory === given.directory ? null : await readConfiguration(given.directory);
    if (inForce === null || inForce.envelope === null) return warnings;
    const before = parseConfiguration(given.directory, inForce.files);
    return [...warnings, ...accessChanges(before, after, options).map((text) => `~ ${text}`)];
  });
}
