/** `airlock vars`: variables of steps that everybody who signs in may read. */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { nonprodSession } from '../nonprod-session.ts';
import { safe, toStdout, type Print } from '../print.ts';

const Variables = z.object({
  repository: z.string().nullable(),
  variables: z.array(
    z.looseObject({
      scope: z.string(),
      name: z.string(),
      value: z.string(),
      publicBecause: z.string().nullable(),
      setBy: z.string(),
      /** The value for all repositories that this one hides. */
      hides: z.string().nullable(),
    }),
  ),
});

type Options = { readonly as: string; readonly repository?: string };

export function registerVars(program: Command, print: Print = toStdout): void {
  const vars = program
    .command('vars')
    .description('variables of steps, visible to everyone who signs in');
  const as = (): Option => new Option('--as <person>', 'whose hands, in the demo').default('dana');
  const ofRepository = (): Option =>
    new Option('--repository <name>', 'of this repository alone; left out: for all repositories');
  const listed = async (repository: string | undefined, person: string) => {
    const query = repository === undefined ? '' : `?repository=${encodeURIComponent(repository)}`;
    const session = await nonprodSession(person);
    return Variables.parse(await session.getJson(`/api/v1/variables${query}`)).variables;
  };

  vars
    .command('list')
    .argument('[repository]', 'as this one is given them; left out: those for all repositories')
    .addOption(as())
    .action(async (repository: string | undefined, options: Options) => {
      const found = await listed(repository, options.as);
      print(
        found.length === 0
          ? ['none is set']
          : found.map(({ name, value }) => `${name}=${safe(value)}`),
      );
    });

  vars
    .command('explain')
    .argument('<repository>', 'such as shop/web')
    .description('each variable that its steps are given, who set it for what, and what it hides')
    .addOption(as())
    .action(async (repository: string, options: Options) => {
      const found = await listed(repository, options.as);
      print([
        ...found.map(({ name, value, scope, setBy, hides, publicBecause }) =>
          safe(
            [
              `${name}=${value}  ${scope === '*' ? 'for all repositories' : `of ${scope}`}, by ${setBy}`,
              ...(hides === null ? [] : [`in place of ${hides} for all repositories`]),
              ...(publicBecause === null ? [] : [`public because: ${publicBecause}`]),
            ].join('; '),
          ),
        ),
        'before these come: what a run was started with, then the pipeline file’s environment, then its matrix',
        'pushes to main of the repository whose builds are signed are given none of them',
      ]);
    });

  vars
    .command('set')
    .argument('<pair>', 'NAME=VALUE')
    .addOption(ofRepository())
    .option(
      '--public-because <reason>',
      'keep it although it looks like a secret; the reason stays on record',
    )
    .addOption(as())
    .action(async (pair: string, { as, repository, publicBecause }: Options & Override) => {
      const equals = pair.indexOf('=');
      if (equals < 1) throw new CliError(exitCode.usage, 'expected NAME=VALUE');
      const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
      const session = await nonprodSession(as);
      await session.putJson(addressOf(repository), {
        ...{ name, value },
        ...(repository === undefined ? {} : { repository }),
        ...(publicBecause === undefined ? {} : { publicBecause }),
      });
      print([`${name} is set ${scopeText(repository)}`]);
    });

  vars
    .command('unset')
    .argument('<name>')
    .addOption(ofRepository())
    .addOption(as())
    .action(async (name: string, { as, repository }: Options) => {
      const session = await nonprodSession(as);
      const body = { name, ...(repository === undefined ? {} : { repository }) };
      await session.postJson(`${addressOf(repository)}/remove`, body);
      print([`${name} is not set ${scopeText(repository)} any more`]);
    });
}

type Override = { readonly publicBecause?: string };

const addressOf = (repository: string | undefined): string =>
  repository === undefined ? '/api/v1/global-variables' : '/api/v1/variables';

const scopeText = (repository: string | undefined): string =>
  repository === undefined ? 'for all repositories' : safe(`for ${repository}`);
