/** `airlock secret`: low-value secrets of builds, at nonprod. A value comes from standard input or a file, never an argument. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { filtersFrom, withFilters, type FilterOptions } from './secret-filters.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { nonprodSession } from '../nonprod-session.ts';
import type { WebSession } from '../web-session.ts';

type As = { readonly as: string };

type SetOptions = {
  readonly fromFile?: string;
  readonly message: string;
  readonly sshKey?: boolean;
  readonly passphraseFile?: string;
  readonly knownHosts?: string;
};

const Listed = z.object({
  project: z.string(),
  secrets: z.array(
    z.looseObject({
      name: z.string(),
      description: z.string(),
      version: z.number(),
      setBy: z.string(),
      setAt: z.string(),
      erased: z.object({ by: z.string(), at: z.string() }).nullable(),
    }),
  ),
});
const Shown = z.object({ secret: z.object({ filters: z.record(z.string(), z.unknown()) }) });
const Set = z.object({ project: z.string(), name: z.string(), version: z.number() });
const Erased = z.object({ project: z.string(), erased: z.number() });

export function registerSecret(program: Command, print: Print = toStdout): void {
  const secret = program
    .command('secret')
    .description('low-value secrets of builds, kept by nonprod; values are written and never read');
  const as = (): Option =>
    new Option(
      '--as <person>',
      'whose hands, in the demo; the platform role sets and erases',
    ).default('oke');

  secret
    .command('list')
    .description('names, versions, and who changed what when')
    .addOption(as())
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (options: As & { output: string }) => {
      const session = await signIn(options);
      const answer = await session.getJson('/api/v1/secrets');
      if (options.output === 'json') {
        print([JSON.stringify(answer, null, 2)]);
        return;
      }
      const { project, secrets } = Listed.parse(answer);
      print([
        `${counted(secrets.filter(({ erased }) => erased === null).length)} of ${safe(project)}`,
        ...secrets.map(({ name, version, setBy, setAt, erased, description }) =>
          safe(
            `${name.padEnd(24)} v${version}  ${erased === null ? `set ${setAt} by ${setBy}` : `erased ${erased.at} by ${erased.by}`}  ${description}`,
          ).trimEnd(),
        ),
      ]);
    });

  secret
    .command('set')
    .argument('<name>', 'letters, digits and _ . -')
    .description('a new version; the one before is erased. The value is read from standard input')
    .option('--from-file <file>', 'read the value from this file instead')
    .option('-m, --message <text>', 'for what it is', '')
    .requiredOption(
      '--low-value',
      'says that it opens nothing in production and that builds may learn it',
    )
    .option('--ssh-key', 'it is a private SSH key: steps use it by an agent and never see it')
    .option('--passphrase-file <file>', 'the passphrase of the SSH key')
    .option('--known-hosts <file>', 'the hosts of the SSH key, as ssh-keyscan prints them')
    .addOption(as())
    .action(async (name: string, options: As & SetOptions) => {
      const value = await valueFrom(options.fromFile);
      const key = await sshKeyOf(options);
      const session = await signIn(options);
      const body = { name, value, description: options.message, lowValue: true, ...key };
      const set = Set.parse(await session.postJson('/api/v1/secrets', body));
      print([safe(`${set.name} of ${set.project} is set, version ${set.version}`)]);
    });

  withFilters(
    secret
      .command('readers')
      .argument('<name>', 'the secret')
      .description('which builds may read it; what is not named stays as it is')
      .addOption(as()),
  ).action(async (name: string, options: As & FilterOptions) => {
    const session = await signIn(options);
    const path = `/api/v1/secrets/${encodeURIComponent(name)}`;
    const { secret: found } = Shown.parse(await session.getJson(path));
    const filters = { ...found.filters, ...filtersFrom(options) };
    await session.postJson(`${path}/filters`, filters);
    print([safe(`${name}: ${JSON.stringify(filters)}`)]);
  });

  secret
    .command('erase')
    .argument('[name]', 'the secret')
    .description('delete the key of a secret, or with --all of every one of the project, for good')
    .option('--all <project>', 'every secret of the project; its name, to say that it is meant')
    .addOption(as())
    .action(async (name: string | undefined, options: As & { all?: string }) => {
      if ((name === undefined) === (options.all === undefined)) {
        throw new CliError(exitCode.usage, 'name one secret, or the project with --all');
      }
      const session = await signIn(options);
      if (name !== undefined) {
        await session.postJson(`/api/v1/secrets/${encodeURIComponent(name)}/erase`, {});
        print([safe(`${name} is erased`)]);
        return;
      }
      const body = { project: options.all };
      const { project, erased } = Erased.parse(
        await session.postJson('/api/v1/secret-key/erase', body),
      );
      print([safe(`${counted(erased)} of ${project} ${erased === 1 ? 'is' : 'are'} erased`)]);
    });

  secret
    .command('rotate')
    .description('a new key for the project; every secret moves under it within half a minute')
    .addOption(as())
    .action(async (options: As) => {
      await (await signIn(options)).postJson('/api/v1/secret-key/rotate', {});
      print(['the project has a new key; what the old one wraps is being moved']);
    });
}

const counted = (secrets: number): string => `${secrets} ${secrets === 1 ? 'secret' : 'secrets'}`;

const signIn = ({ as }: As): Promise<WebSession> => nonprodSession(as);

/** One line end at the end belongs to the file or the pipe and not to the value. */
async function valueFrom(file: string | undefined): Promise<string> {
  if (file === undefined && process.stdin.isTTY) {
    throw new CliError(
      exitCode.usage,
      'the value is read from standard input: printf %s "$VALUE" | airlock secret set NAME --low-value, or --from-file FILE',
    );
  }
  try {
    const value = file === undefined ? await text(process.stdin) : await readFile(file, 'utf8');
    return value.replace(/\r?\n$/, '');
  } catch (cause) {
    throw new CliError(exitCode.usage, `${file ?? 'standard input'} cannot be read as a value`, {
      cause,
    });
  }
}

async function sshKeyOf({
  sshKey,
  passphraseFile,
  knownHosts,
}: SetOptions): Promise<Record<string, string>> {
  if (sshKey !== true) {
    if (passphraseFile === undefined && knownHosts === undefined) return {};
    throw new CliError(exitCode.usage, '--passphrase-file and --known-hosts belong to --ssh-key');
  }
  if (knownHosts === undefined) {
    throw new CliError(
      exitCode.usage,
      '--ssh-key needs --known-hosts FILE: builds connect to no other host; ssh-keyscan HOST prints it',
    );
  }
  return {
    kind: 'ssh-key',
    knownHosts: await valueFrom(knownHosts),
    passphrase: passphraseFile === undefined ? '' : await valueFrom(passphraseFile),
  };
}
