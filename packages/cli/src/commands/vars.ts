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
      /** The value that would count without this one, and where it is set. */
      hides: z.string().nullable(),
      hidesScope: z.string().nullable(),
    }),
  ),
});

const Sets = z.object({
  sets: z.array(
    z.object({
      name: z.string(),
      variables: z.array(z.looseObject({ name: z.string(), value: z.string() })),
      choosers: z.array(z.object({ kind: z.enum(['repository', 'group']), name: z.string() })),
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
        ...found.map(({ name, value, scope, setBy, hides, hidesScope, publicBecause }) =>
          safe(
            [
              `${name}=${value}  ${scopeText(scope)}, by ${setBy}`,
              ...(hides === null ? [] : [`in place of ${hides} ${scopeText(hidesScope ?? '*')}`]),
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
    .argument('<pair>', 'NAME=VALUE, or NAME@SET=VALUE in a named set')
    .addOption(ofRepository())
    .option(
      '--public-because <reason>',
      'keep it although it looks like a secret; the reason stays on record',
    )
    .addOption(as())
    .action(async (pair: string, { as, repository, publicBecause }: Options & Override) => {
      const equals = pair.indexOf('=');
      if (equals < 1) throw new CliError(exitCode.usage, 'expected NAME=VALUE');
      const [target, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
      const { name, scope, address, where } = placeOf(target, repository);
      const session = await nonprodSession(as);
      await session.putJson(address, {
        ...{ name, value, ...where },
        ...(publicBecause === undefined ? {} : { publicBecause }),
      });
      print([`${name} is set ${scopeText(scope)}`]);
    });

  vars
    .command('unset')
    .argument('<name>', 'NAME, or NAME@SET')
    .addOption(ofRepository())
    .addOption(as())
    .action(async (target: string, { as, repository }: Options) => {
      const { name, scope, address, where } = placeOf(target, repository);
      const session = await nonprodSession(as);
      await session.postJson(`${address}/remove`, { name, ...where });
      print([`${name} is not set ${scopeText(scope)} any more`]);
    });

  vars
    .command('sets')
    .description('every named set, who chose it, and what is set in it')
    .addOption(as())
    .action(async (options: Options) => {
      const session = await nonprodSession(options.as);
      const { sets } = Sets.parse(await session.getJson('/api/v1/variable-sets'));
      print(sets.length === 0 ? ['there is no set'] : sets.flatMap(setLines));
    });

  vars
    .command('choose')
    .argument('[sets...]', 'all of them, in their order: of two that set one name the later counts')
    .addOption(new Option('--repository <name>', 'for this repository').conflicts('group'))
    .option('--group <name>', 'for every repository that this group owns; for the platform role')
    .addOption(as())
    .action(async (sets: string[], { as, repository, group }: Options & Group) => {
      const session = await nonprodSession(as);
      if (repository !== undefined) {
        await session.putJson('/api/v1/variable-set-choices', { repository, sets });
      } else if (group !== undefined) {
        await session.putJson('/api/v1/group-variable-sets', { group, sets });
      } else {
        throw new CliError(exitCode.usage, 'say for whom: --repository NAME or --group NAME');
      }
      const whom = repository ?? `the group ${group ?? ''}`;
      print([safe(`${whom} has ${sets.length === 0 ? 'no set' : sets.join(', ')}`)]);
    });
}

type Group = { readonly group?: string };
type Override = { readonly publicBecause?: string };

/** Where a variable stands, by `NAME` or `NAME@SET` and the repository that was named. */
function placeOf(target: string, repository: string | undefined) {
  const [name = '', set, more] = target.split('@');
  if (more !== undefined || set === '' || (set !== undefined && repository !== undefined)) {
    throw new CliError(
      exitCode.usage,
      'expected NAME or NAME@SET; a set is of no repository, so it goes without --repository',
    );
  }
  if (set !== undefined) {
    return { name, scope: `@${set}`, address: '/api/v1/variable-sets', where: { set } };
  }
  return repository === undefined
    ? { name, scope: '*', address: '/api/v1/global-variables', where: {} }
    : { name, scope: repository, address: '/api/v1/variables', where: { repository } };
}

function scopeText(scope: string): string {
  if (scope === '*') return 'for all repositories';
  return safe(scope.startsWith('@') ? `in the set ${scope.slice(1)}` : `for ${scope}`);
}

function setLines({ name, variables, choosers }: z.infer<typeof Sets>['sets'][number]): string[] {
  const whom = choosers.map((chooser) =>
    chooser.kind === 'group' ? `the group ${chooser.name}` : chooser.name,
  );
  return [
    safe(`${name}: chosen by ${whom.length === 0 ? 'nobody' : whom.join(', ')}`),
    ...variables.map((each) => safe(`  ${each.name}=${each.value}`)),
  ];
}
