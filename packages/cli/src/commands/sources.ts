/** `airlock repo` and `airlock events`: where nonprod's runs come from. */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { nonprodSession } from '../nonprod-session.ts';
import type { WebSession } from '../web-session.ts';

type As = { readonly as: string };

const Webhook = z.object({ url: z.string(), secret: z.string() }).nullable();
const Repository = z.looseObject({
  name: z.string(),
  url: z.string(),
  signed: z.boolean(),
  lookedAt: z.string().nullable(),
  failing: z.string().nullable(),
});
const Repositories = z.object({ repositories: z.array(Repository) });
const Added = Repository.extend({ webhook: Webhook, pools: z.array(z.string()) });
const Found = z.object({
  sources: z.array(
    z.object({
      name: z.string(),
      lookedAt: z.string().nullable(),
      failing: z.string().nullable(),
      repositories: z.array(
        z.looseObject({
          id: z.string(),
          path: z.string(),
          pathWas: z.string().nullable(),
          state: z.string(),
          private: z.boolean(),
          repository: z.string().nullable(),
          notAdded: z.string().nullable(),
        }),
      ),
    }),
  ),
});
const Picked = z.object({ repository: z.string() });
const Labelled = z.object({ repository: z.string(), labels: z.array(z.string()) });
const Renewed = z.object({ name: z.string(), webhook: Webhook });
const ReachedSecret = z.looseObject({ name: z.string(), pools: z.array(z.string()) });
const Reached = z.looseObject({
  repository: z.string(),
  namesSecrets: z.boolean(),
  pools: z.array(
    z.looseObject({
      name: z.string(),
      trust: z.int(),
      isolation: z.string(),
      images: z.array(z.looseObject({ glob: z.string() })),
      egress: z.string().nullable(),
      reaches: z.looseObject({ places: z.array(z.string()), said: z.string() }),
    }),
  ),
  runs: z.array(
    z.looseObject({
      place: z.string(),
      refs: z.string().nullable(),
      events: z.array(z.string()),
      level: z.int(),
      files: z.string(),
      pools: z.array(z.string()),
      secrets: z.array(ReachedSecret),
      caches: z.object({ reads: z.array(z.int()), writes: z.array(z.string()) }),
      signedBy: z.string().nullable(),
      promotable: z.boolean(),
    }),
  ),
});
const Webhooks = z.object({
  deliveries: z.array(
    z.looseObject({
      provider: z.string(),
      event: z.string(),
      repository: z.string().nullable(),
      state: z.string(),
      reason: z.string().nullable(),
      receivedAt: z.string(),
    }),
  ),
  refusals: z.array(
    z.looseObject({
      provider: z.string(),
      repository: z.string(),
      code: z.string(),
      count: z.number(),
      lastAt: z.string(),
      from: z.string(),
    }),
  ),
});

export function registerSources(program: Command, print: Print = toStdout): void {
  const as = (person: string): Option =>
    new Option('--as <person>', 'whose hands, in the demo').default(person);
  const repo = program.command('repo').description('repositories that nonprod builds');

  repo
    .command('list')
    .description('each with when it was looked at last, or why that fails')
    .addOption(as('dana'))
    .action(async (options: As) => {
      const { repositories } = Repositories.parse(
        await (await signIn(options)).getJson('/api/v1/repositories'),
      );
      print(
        repositories.map(({ name, url, signed, lookedAt, failing }) =>
          safe(
            `${name.padEnd(24)} ${failing ?? `looked at ${lookedAt ?? 'never'}`}  ${signed ? 'signed' : 'not signed'}  ${url}`,
          ),
        ),
      );
    });

  repo
    .command('add')
    .argument('<name>', 'such as shop/web')
    .argument('<clone-url>', 'where it is fetched from')
    .description('build another repository; shows its webhook and the secret of it once')
    .option('--provider <forge>', 'github, gitlab, gitea, bitbucket or bitbucket-server')
    .option('--main-branch <branch>', 'whose builds count as main', 'main')
    .addOption(as('oke'))
    .action(
      async (
        name: string,
        cloneUrl: string,
        options: As & { provider?: string; mainBranch: string },
      ) => {
        const { provider = null, mainBranch } = options;
        const body = { name, cloneUrl, provider, mainBranch };
        const added = Added.parse(
          await (await signIn(options)).postJson('/api/v1/repositories', body),
        );
        print([
          safe(`${added.name} is built from ${added.url}`),
          safe(`pools: ${added.pools.join(', ') || 'none yet; grant it one before it can run'}`),
          added.signed ? 'its main is signed' : 'its runs are built and not signed',
          ...webhookLines(added.webhook),
        ]);
      },
    );

  repo
    .command('reach')
    .argument('<name>')
    .description('the most that its runs get: pools, images, secrets, caches, signatures')
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .addOption(as('dana'))
    .action(async (name: string, options: As & { readonly output: 'table' | 'json' }) => {
      const path = `/api/v1/reach/${name.split('/').map(encodeURIComponent).join('/')}`;
      const reached = Reached.parse(await (await signIn(options)).getJson(path));
      print(options.output === 'json' ? [JSON.stringify(reached)] : reachLines(reached));
    });

  repo
    .command('discover')
    .argument('[path]', 'with --add: which one, as its forge calls it')
    .description('repositories that organisations at forges have, and which of them are built here')
    .option('--add', 'build it')
    .option('--owner <group...>', 'groups that own it; one at least where it is private')
    .addOption(as('oke'))
    .action(async (path: string | undefined, options: As & { add?: true; owner?: string[] }) => {
      const session = await signIn(options);
      const { sources } = Found.parse(await session.getJson('/api/v1/found-repositories'));
      if (options.add === true) {
        print([await pickFound(session, sources, path ?? '', options.owner ?? [])]);
        return;
      }
      print(sources.length === 0 ? ['no organisation is looked at'] : sources.flatMap(foundLines));
    });

  repo
    .command('label')
    .argument('<name>')
    .argument('[labels...]', 'such as team=web; without any it has none')
    .description('the labels by which secrets of others are for it, in place of those that it has')
    .addOption(as('oke'))
    .action(async (name: string, labels: string[], options: As) => {
      const session = await signIn(options);
      const body = { repository: name, labels };
      const set = Labelled.parse(await session.putJson('/api/v1/repository-labels', body));
      print([safe(`${set.repository}: ${set.labels.join(' ') || 'no labels'}`)]);
    });

  repo
    .command('renew-hook')
    .argument('<name>')
    .description('a new secret for its webhook; the old one holds no more')
    .addOption(as('oke'))
    .action(async (name: string, options: As) => {
      const session = await signIn(options);
      const renewed = Renewed.parse(await session.postJson('/api/v1/repository-hooks', { name }));
      print(webhookLines(renewed.webhook));
    });

  program
    .command('events')
    .description('what came in from outside, the newest first, and what was refused of it')
    .addOption(
      new Option('--source <source>', 'where from').choices(['webhook']).default('webhook'),
    )
    .addOption(as('oke'))
    .action(async (options: As) => {
      const { deliveries, refusals } = Webhooks.parse(
        await (await signIn(options)).getJson('/api/v1/webhooks'),
      );
      if (deliveries.length + refusals.length === 0) {
        print(['nothing has come in']);
        return;
      }
      print([
        ...deliveries.map(({ receivedAt, provider, event, repository, state, reason }) =>
          safe(
            `${receivedAt}  ${provider} ${event}  ${repository ?? '-'}  ${state}  ${reason ?? ''}`,
          ).trimEnd(),
        ),
        ...refusals.map(({ lastAt, provider, repository, code, count, from }) =>
          safe(
            `${lastAt}  ${provider || '-'}  ${repository || '-'}  ${code}  ${count} times, last from ${from}`,
          ),
        ),
      ]);
    });
}

function reachLines({ runs, pools, namesSecrets }: z.infer<typeof Reached>): string[] {
  const listed = (names: readonly string[]): string => names.join(', ') || 'none';
  return [
    ...runs.flatMap((run) => [
      safe(
        `${run.place}${run.refs === null ? '' : ` ${run.refs}`} (${run.events.join(', ')}): trust ${run.level}, by ${run.files === 'own' ? 'its own' : 'the base branch’s'} files`,
      ),
      safe(`  pools    ${listed(run.pools)}`),
      safe(
        `  secrets  ${namesSecrets ? listed(run.secrets.map((each) => each.name)) : 'not shown to you'}`,
      ),
      safe(
        `  caches   reads trust ${run.caches.reads.join(', ')}; writes in ${listed(run.caches.writes)}`,
      ),
      safe(
        `  signed   ${run.signedBy === null ? 'no' : `by the key of ${run.signedBy}${run.promotable ? ', may be asked to be promoted' : ''}`}`,
      ),
    ]),
    ...pools.flatMap(({ name, trust, isolation, images, reaches: { places, said } }) => [
      safe(
        `pool ${name}: trust ${trust}, ${isolation}, images ${listed(images.map(({ glob }) => glob))}`,
      ),
      safe(`  reaches  ${said}${places.length === 0 ? '' : `: ${places.join(', ')}`}`),
    ]),
  ];
}

type Source = z.infer<typeof Found>['sources'][number];

function foundLines({ name, lookedAt, failing, repositories }: Source): string[] {
  return [
    safe(`${name}: ${failing ?? `listed at ${lookedAt ?? 'no time yet'}`}`),
    ...repositories.map((each) => {
      const was = each.pathWas === null ? '' : `  was ${each.pathWas}`;
      const built = each.repository === null ? '' : `  built as ${each.repository}`;
      const sight = each.private ? '  private' : '';
      const why = each.repository === null && each.notAdded !== null ? `  ${each.notAdded}` : '';
      return safe(`  ${each.state.padEnd(8)} ${each.path}${was}${sight}${built}${why}`);
    }),
  ];
}

/** By its immutable id: what is renamed meanwhile is still the one that was meant. */
async function pickFound(
  session: WebSession,
  sources: readonly Source[],
  path: string,
  owners: readonly string[],
): Promise<string> {
  const fitting = sources.flatMap(({ name, repositories }) =>
    repositories
      .filter((each) => each.state !== 'gone' && each.path === path)
      .map(({ id }) => ({ source: name, id })),
  );
  const [only, another] = fitting;
  if (only === undefined || another !== undefined) {
    throw new CliError(
      exitCode.usage,
      `${path || 'no path'}: expected one of those that airlock repo discover shows${another === undefined ? '' : '; two organisations have it'}`,
    );
  }
  const body = { ...only, owners };
  const { repository } = Picked.parse(await session.postJson('/api/v1/found-repositories', body));
  return safe(`${repository} is built; airlock repo renew-hook ${repository} makes its webhook`);
}

function webhookLines(webhook: z.infer<typeof Webhook>): string[] {
  if (webhook === null) return ['no webhook of its own: it is found by polling'];
  return [
    safe(`webhook: ${webhook.url}`),
    safe(`secret:  ${webhook.secret}`),
    'content type application/json; the secret is shown now and never again',
  ];
}

const signIn = ({ as }: As): Promise<WebSession> => nonprodSession(as);
