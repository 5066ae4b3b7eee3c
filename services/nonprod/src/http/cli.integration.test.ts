/** Verbs of the command line against the routes that answer them, each with a token of its own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { registerAuditActs } from '@airlock/cli/commands/audit-acts';
import { registerSources } from '@airlock/cli/commands/sources';
import { csvCell, registerUsage } from '@airlock/cli/commands/usage';
import { registerVars } from '@airlock/cli/commands/vars';
import { runVerb } from '@airlock/cli/testing/run-verb';
import { Secret } from '@airlock/common/secret';
import { testPostgres } from '@airlock/testkit/stack';
import { createActStore } from '../adapters/postgres/act-store.ts';
import { createGroupStore } from '../adapters/postgres/group-store.ts';
import { createHeadStore } from '../adapters/postgres/head-store.ts';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { createPlacementStore, createPoolStore } from '../adapters/postgres/pool-store.ts';
import { createRepositoryStore } from '../adapters/postgres/repository-store.ts';
import { createSightStore } from '../adapters/postgres/sight-store.ts';
import { createTokenStore } from '../adapters/postgres/token-store.ts';
import { createUsageStore } from '../adapters/postgres/usage-store.ts';
import { createVariableSetStore } from '../adapters/postgres/variable-set-store.ts';
import { createVariableStore } from '../adapters/postgres/variable-store.ts';
import { createApiTokens } from '../app/api-tokens.ts';
import { createSetVariable } from '../app/manage-variables.ts';
import { firstPools, type Pool } from '../domain/pool.ts';
import { newSecretFilters } from '../domain/secret-filter.ts';
import { givenVariables } from '../domain/variable.ts';
import { createEvents } from '../events.ts';
import { keepSources } from '../source-keeping.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId, repository, startRun } from '../testing/fixtures.ts';
import { testSecrets } from '../testing/secrets.ts';
import { identityOf, silent, startTestWeb, viewerOf, type TestWeb } from '../testing/web.ts';
import { heedOwners } from './heed-owners.ts';
import { heedSight } from './heed-sight.ts';
import { actRoutes } from './routes/acts.tsx';
import { apiRoutes } from './routes/api.ts';
import { reachRoutes } from './routes/reach.tsx';
import { repositoryRoutes } from './routes/repositories.tsx';
import { usageRoutes } from './routes/usage.tsx';
import { variableSetRoutes } from './routes/variable-sets.tsx';
import { variableRoutes } from './routes/variables.tsx';

let database: TestDatabase;
let web: TestWeb;
let kept: ReturnType<typeof testSecrets>;
/** Filled by the test that is about it. */
const groupRequired: { secret?: { list: string[] } } = {};
const tokens = new Map<string, string>();

const groupsOf = {
  dana: ['developers', 'web-team'],
  leo: ['developers'],
  pat: ['platform'],
} as const;
type Hand = keyof typeof groupsOf;

before(async () => {
  database = await testDatabase(await testPostgres());
  const db = database.as('nonprod_web');
  const [acts, variables, sight] = [
    createActStore(db),
    createVariableStore(db),
    createSightStore(db),
  ];
  kept = testSecrets(database);
  const setVariable = createSetVariable(variables);
  const making = createApiTokens({
    ...{ events: createEvents(silent), newId, resolveViewer: viewerOf },
    tokens: createTokenStore(db),
    clock: () => new Date(),
  });
  const routes = [
    ...apiRoutes({
      ...{ queries: createPageQueries(db), sight },
      askPromotion: () => Promise.reject(new Error('no verb here asks')),
    }),
    ...actRoutes(acts),
    ...usageRoutes({ usage: createUsageStore(db), sight }),
    ...repositoryRoutes({
      sources: keepSources({
        ...{ db, newId, origin: 'https://ci.example', from: [], bell: { ring: () => undefined } },
        pools: createPoolStore(db),
        secretOf: () => null,
        launchFile: () => Promise.resolve(null),
      }),
      ...{ queries: createPageQueries(db), groups: createGroupStore(db) },
      events: createEvents(silent),
    }),
    ...reachRoutes({
      repositories: createRepositoryStore(db),
      pools: createPoolStore(db),
      ...{ secrets: kept.secrets, groupRequired },
    }),
    ...variableRoutes({ variables, setVariable, signed: repository.name }),
    ...variableSetRoutes({ sets: createVariableSetStore(db), variables, setVariable, sight }),
  ];
  const heeded = heedSight(heedOwners(routes, createGroupStore(db)), sight);
  web = await startTestWeb(database, heeded, { acts, tokens: making.door });
  await startRun(database);
  for (const [hand, groups] of Object.entries(groupsOf)) {
    const identity = identityOf(`${hand}@example.com`, groups);
    await createPersonStore(db).signedIn(identity);
    const wish = { name: 'cli', scopes: ['read', 'admin'] as const, days: 1, networks: [] };
    const made = await making.make(
      identity.nameId,
      { ...wish, scopes: [...wish.scopes] },
      hand === 'pat',
    );
    assert.ok(made);
    tokens.set(hand, made.token);
  }
  process.env['AIRLOCK_NONPROD'] = web.origin;
});
after(async () => {
  delete process.env['AIRLOCK_NONPROD'];
  delete process.env['AIRLOCK_TOKEN'];
  await web.close();
  await database.close();
  kept.remove();
});

const as =
  (register: Parameters<typeof runVerb>[0]) =>
  async (hand: Hand, ...args: string[]): Promise<string[]> => {
    process.env['AIRLOCK_TOKEN'] = tokens.get(hand) ?? '';
    return await runVerb(register, args);
  };
const vars = as(registerVars);
const usage = as(registerUsage);
const acts = as(registerAuditActs);
const sources = as(registerSources);

test('vars: what is set for all and for one is listed and explained, and gone when it is unset', async () => {
  assert.deepEqual(await vars('dana', 'vars', 'list', repository.name), ['none is set']);
  assert.deepEqual(await vars('pat', 'vars', 'set', 'REGION=eu=1'), [
    'REGION is set for all repositories',
  ]);
  const own = ['--repository', repository.name];
  assert.deepEqual(await vars('dana', 'vars', 'set', 'REGION=us', ...own), [
    'REGION is set for shop/web',
  ]);
  assert.deepEqual(await vars('leo', 'vars', 'list', repository.name), ['REGION=us']);
  assert.deepEqual(await vars('leo', 'vars', 'list'), ['REGION=eu=1']);
  const [line] = await vars('leo', 'vars', 'explain', repository.name);
  assert.equal(
    line,
    'REGION=us  for shop/web, by dana@example.com; in place of eu=1 for all repositories',
  );
  assert.deepEqual(await vars('dana', 'vars', 'unset', 'REGION', ...own), [
    'REGION is not set for shop/web any more',
  ]);
  assert.deepEqual(await vars('leo', 'vars', 'list', repository.name), ['REGION=eu=1']);
});

test('vars: what looks like a secret is refused with the way out, and kept with a reason', async () => {
  const pair = `NOTE=${['ghp_', 'a1B2c3D4e5'.repeat(4)].join('')}`;
  await assert.rejects(
    vars('pat', 'vars', 'set', pair),
    /looks like a token of GitHub.*publicBecause/,
  );
  const reason = ['--public-because', 'an example of a document'];
  assert.deepEqual(await vars('pat', 'vars', 'set', pair, ...reason), [
    'NOTE is set for all repositories',
  ]);
  await vars('pat', 'vars', 'unset', 'NOTE');
});

test('vars: a pair without =, a role that is missing and a name that is not set end with what is wrong', async () => {
  await assert.rejects(vars('pat', 'vars', 'set', 'REGION'), /expected NAME=VALUE/);
  await assert.rejects(vars('dana', 'vars', 'set', 'REGION=x'), /answered 403/);
  await assert.rejects(
    vars('pat', 'vars', 'unset', 'NEVER_SET'),
    /There is no variable NEVER_SET for all repositories/,
  );
});

test('vars: a set that a group and one that a repository chose go to its runs, the later before the earlier', async () => {
  await createGroupStore(database.as('nonprod_web')).set(
    repository.name,
    { own: ['web-team'], launch: [] },
    'pat@example.com',
  );
  for (const pair of ['ZONE@eu=eu-1', 'TIER@eu=gold', 'ZONE@staging=eu-9']) {
    await vars('pat', 'vars', 'set', pair);
  }
  assert.deepEqual(await vars('pat', 'vars', 'choose', 'eu', '--group', 'web-team'), [
    'the group web-team has eu',
  ]);
  const own = ['--repository', repository.name];
  assert.deepEqual(await vars('dana', 'vars', 'choose', 'staging', ...own), [
    'shop/web has staging',
  ]);
  const explained = (await vars('leo', 'vars', 'explain', repository.name)).join('\n');
  assert.match(explained, /^TIER=gold {2}in the set eu, by pat@example\.com$/m);
  assert.match(explained, /^ZONE=eu-9 {2}in the set staging, .* in place of eu-1 in the set eu$/m);
  assert.deepEqual(await vars('leo', 'vars', 'sets'), [
    'eu: chosen by the group web-team',
    '  TIER=gold',
    '  ZONE=eu-1',
    'staging: chosen by shop/web',
    '  ZONE=eu-9',
  ]);
  const given = await createVariableStore(database.as('nonprod_scheduler')).of(repository.name);
  assert.ok(given);
  const { ZONE, TIER } = givenVariables(given, {});
  assert.deepEqual({ ZONE, TIER }, { ZONE: 'eu-9', TIER: 'gold' });
  await vars('dana', 'vars', 'set', 'ZONE=own', ...own);
  assert.match(
    (await vars('leo', 'vars', 'explain', repository.name)).join('\n'),
    /^ZONE=own {2}for shop\/web, .* in place of eu-9 in the set staging$/m,
  );
  await vars('dana', 'vars', 'unset', 'ZONE', ...own);
  assert.deepEqual(await vars('dana', 'vars', 'choose', ...own), ['shop/web has no set']);
  assert.ok((await vars('leo', 'vars', 'list', repository.name)).includes('ZONE=eu-1'));
});

test('vars: a set keeps no secret, is chosen by owners alone, and only when it is there', async () => {
  const own = ['--repository', repository.name];
  const secret = ['ghp_', 'a1B2c3D4e5'.repeat(4)].join('');
  await assert.rejects(vars('pat', 'vars', 'set', `NOTE@eu=${secret}`), /looks like a token of/);
  await assert.rejects(vars('dana', 'vars', 'set', 'ZONE@eu=x'), /answered 403/);
  await assert.rejects(vars('leo', 'vars', 'choose', 'eu', ...own), /answered 403.*web-team/);
  await assert.rejects(vars('dana', 'vars', 'choose', 'eu', '--group', 'x'), /answered 403/);
  await assert.rejects(vars('dana', 'vars', 'choose', 'nope', ...own), /There is no set nope/);
  await assert.rejects(vars('dana', 'vars', 'choose', 'eu'), /say for whom/);
  await assert.rejects(
    vars('pat', 'vars', 'set', 'ZONE@eu=x', ...own),
    /a set is of no repository/,
  );
  await assert.rejects(vars('pat', 'vars', 'unset', 'NEVER@eu'), /no variable NEVER of the set eu/);
});

test('vars: who chose a set is not told to those who may not see the repository', async () => {
  const owner = database.as('owner');
  const own = ['--repository', repository.name];
  await vars('dana', 'vars', 'choose', 'eu', ...own);
  const hide = (isPrivate: boolean) =>
    owner.repository.update({ where: { name: repository.name }, data: { private: isPrivate } });
  await hide(true);
  assert.doesNotMatch((await vars('leo', 'vars', 'sets')).join('\n'), /shop\/web/);
  assert.match((await vars('dana', 'vars', 'sets')).join('\n'), /shop\/web/);
  const leo = await web.signedIn('leo@example.com', ['developers']);
  const page = await leo.get('/variable-sets');
  assert.match(page.text, /TIER/);
  assert.doesNotMatch(page.text, /shop\/web/);
  const fields = { repository: repository.name, sets: 'eu' };
  assert.equal((await leo.post('/variable-set-choices', fields)).status, 404);
  await hide(false);
  const dana = await web.signedIn('dana@example.com', ['developers', 'web-team']);
  const chosen = await dana.post('/variable-set-choices', { ...fields, sets: 'staging, eu' });
  assert.equal(chosen.status, 303);
  assert.match((await dana.get('/variables?repository=shop%2Fweb')).text, /of the set eu/);
});

test('audit acts: what was done is found by person and object, a line each and whole as JSON', async () => {
  await vars('pat', 'vars', 'set', 'ACTED=1');
  await assert.rejects(vars('leo', 'vars', 'set', 'ACTED=2'), /answered 403/);
  const found = async (...filter: string[]): Promise<string[]> => {
    // The answer is sent before its outcome is written down.
    for (let tries = 0; ; tries += 1) {
      const lines = await acts('pat', 'acts', '--object', 'ACTED', ...filter);
      if (!lines.some((line) => line.includes('  open ')) || tries === 100) return lines;
    }
  };
  const lines = await found();
  assert.deepEqual(
    lines.map((line) =>
      line
        .split(/ {2,}/)
        .slice(1, 4)
        .map((word) => word.trim()),
    ),
    [
      ['refused', 'leo@example.com', 'set-global-variable'],
      ['done', 'pat@example.com', 'set-global-variable'],
    ],
  );
  assert.match(lines[0] ?? '', / tok_\w+ from 127\.0\.0\.1 {2}group-missing$/);
  assert.equal((await found('--person', 'pat@example.com')).length, 1);
  assert.deepEqual(await found('--day', '2020-02-29'), ['nothing of this kind was done']);
  const [json = ''] = await acts('pat', 'acts', '--object', 'ACTED', '-o', 'json');
  const parsed = JSON.parse(json) as { acts: { id: string; person: string }[] };
  assert.deepEqual(
    parsed.acts.map(({ person }) => person),
    ['leo@example.com', 'pat@example.com'],
  );
  const newest = parsed.acts[0]?.id ?? '';
  assert.equal((await found('--before', newest)).length, 1);
});

test('audit acts: whoever is not of the platform role reads none, and a day that is none is named', async () => {
  await assert.rejects(acts('dana', 'acts'), /answered 403.*platform/);
  await assert.rejects(acts('pat', 'acts', '--day', 'yesterday'), /a day such as 2026-11-22/);
});

test('usage: one line for each repository, person, group or day, as a table, CSV or JSON', async () => {
  const day = new Date('2020-02-29');
  await database.as('owner').usageDay.createMany({
    data: [
      { repository: repository.name, day, trigger: 'push', person: 'leo@example.com', builds: 2 },
      {
        repository: repository.name,
        day,
        trigger: 'push',
        person: 'leo@example.com',
        pool: 'p',
        seconds: 75,
      },
      { repository: repository.name, day, trigger: 'push', person: '=1+1', pool: 'p', seconds: 5 },
    ],
  });
  const groups = createGroupStore(database.as('nonprod_web'));
  await groups.set(repository.name, { own: ['web-team'], launch: [] }, 'pat@example.com');
  const then = ['--since', '2020-02-29', '--until', '2020-02-29'];
  assert.deepEqual(await usage('dana', 'usage', ...then), [
    'repository  groups    builds  seconds  artifact_bytes  log_bytes  cache_bytes',
    'shop/web    web-team  2       80       0               0          0',
    '2020-02-29 to 2020-02-29 (UTC): 2 builds, 80 seconds',
  ]);
  assert.deepEqual(await usage('pat', 'usage', ...then, '--by', 'person', '-o', 'csv'), [
    'person,builds,seconds',
    'leo@example.com,2,75',
    `'=1+1,0,5`,
  ]);
  for (const [by, line] of [
    ['group', 'web-team,2,80'],
    ['pool', 'p,0,80'],
    ['day', '2020-02-29,2,80'],
  ] as const) {
    const csv = await usage('dana', 'usage', ...then, '--by', by, '-o', 'csv');
    assert.deepEqual(csv, [`${by},builds,seconds`, line]);
  }
  const [json = ''] = await usage('dana', 'usage', ...then, '--group', 'web-team', '-o', 'json');
  assert.deepEqual((JSON.parse(json) as { total: unknown }).total, { builds: 2, seconds: 80 });
});

test('usage: others’ use is for the platform role, and each sees their own', async () => {
  const then = ['--since', '2020-02-29', '--until', '2020-02-29', '--by', 'person', '-o', 'csv'];
  assert.deepEqual(await usage('leo', 'usage', ...then), [
    'person,builds,seconds',
    'leo@example.com,2,75',
  ]);
  assert.deepEqual(await usage('dana', 'usage', ...then), ['person,builds,seconds']);
  await assert.rejects(
    usage('dana', 'usage', ...then, '--person', 'leo@example.com'),
    /answered 403.*platform role/,
  );
  const own = await usage('leo', 'usage', ...then, '--person', 'leo@example.com');
  assert.equal(own.length, 2);
});

test('usage: a private repository is in no list and no sum of those who may not see it', async () => {
  const owner = database.as('owner');
  await owner.repository.update({ where: { name: repository.name }, data: { private: true } });
  const then = ['--since', '2020-02-29', '--until', '2020-02-29'];
  const seen = await usage('leo', 'usage', ...then, '-o', 'json');
  assert.doesNotMatch(seen.join('\n'), /shop\/web|leo@|web-team/);
  assert.match(seen.join('\n'), /"total": \{\s+"builds": 0,\s+"seconds": 0/);
  await assert.rejects(
    usage('leo', 'usage', ...then, '--repository', repository.name),
    /answered 404/,
  );
  assert.match((await usage('dana', 'usage', ...then)).join('\n'), /2 builds, 80 seconds/);
  const page = await (await web.signedIn('leo@example.com', ['developers'])).get('/usage');
  assert.equal(page.status, 200);
  assert.doesNotMatch(page.text, /shop\/web/);
});

test('usage: days that are none or too many are refused with what to write', async () => {
  await assert.rejects(usage('dana', 'usage', '--since', 'monday'), /a day such as 2026-11-22/);
  await assert.rejects(usage('dana', 'usage', '--since', '2020-01-01'), /at most 366/);
});

test('a cell of CSV is quoted where it must be, and no spreadsheet calculates it', () => {
  assert.equal(csvCell('a "b", c'), '"a ""b"", c"');
  for (const text of ['=1', '+1', '-1', '@a', '\t=1']) assert.match(csvCell(text), /^'/);
});

test('repo reach: secrets stand by name where a run is given them until they are erased, and an unknown repository is refused', async () => {
  const pools = createPlacementStore(database.as('nonprod_scheduler'));
  await pools.begin(firstPools({ main: 'main', other: 'others', reuse: null }), repository.name);
  const reach = (): Promise<string[]> => sources('dana', 'repo', 'reach', repository.name);
  const ofMain = (lines: readonly string[]): readonly string[] => {
    const at = lines.findIndex((line) => line.startsWith('main main (push'));
    return lines.slice(at, at + 5);
  };
  assert.equal(ofMain(await reach())[2], '  secrets  none');
  const person = 'pat@example.com';
  const secret = { project: repository.name, name: 'REGISTRY', description: '', filters: null };
  const value = new Secret('value-of-registry');
  await kept.manage.set({ ...secret, kind: 'value', value, person });
  const lines = await reach();
  assert.deepEqual(ofMain(lines), [
    'main main (push): trust 3, by its own files',
    '  pools    main, others',
    '  secrets  REGISTRY',
    '  caches   reads trust 3; writes in main',
    '  signed   no',
  ]);
  assert.equal(lines.filter((line) => line.includes('REGISTRY')).length, 1);
  assert.ok(!lines.join().includes('value-of-registry'));
  const others = lines.indexOf('pool others: trust 0, bubblewrap, images **');
  assert.match(lines[others + 1] ?? '', /^ {2}reaches {2}/);
  groupRequired.secret = { list: ['platform'] };
  const unnamed = await reach();
  assert.equal(ofMain(unnamed)[2], '  secrets  not shown to you');
  assert.ok(!unnamed.join().includes('REGISTRY'));
  delete groupRequired.secret;
  await kept.manage.erase(repository.name, 'REGISTRY', person);
  assert.equal(ofMain(await reach())[2], '  secrets  none');
  await assert.rejects(sources('dana', 'repo', 'reach', 'shop/none'), /answered 404/);
});

const poolOfLabels: Pool = {
  ...{ name: 'labelled', trust: 3, isolation: 'bubblewrap', once: false, labels: {} },
  images: [{ glob: '**', digest: `sha256:${'a'.repeat(64)}`, plugin: false }],
  ...{ everyone: false, repositories: [], concurrency: null, egress: null, reuse: null },
};

test('repo label: the platform role says by which labels others’ secrets are for a repository, and reach shows it', async () => {
  const other = 'shop/api';
  await createHeadStore(database.as('nonprod_scheduler')).ensureRepository({
    ...repository,
    ...{ name: other, url: 'https://git.example/shop/api.git' },
  });
  await createPoolStore(database.as('nonprod_web')).save(
    { ...poolOfLabels, repositories: [other] },
    0,
    'pat@example.com',
  );
  await kept.manage.set({
    ...{ project: repository.name, name: 'SHARED', description: '', kind: 'value' },
    ...{ value: new Secret('value-of-shared'), person: 'pat@example.com' },
    filters: { ...newSecretFilters, labels: ['team=web'] },
  });
  const secretsOf = async (): Promise<readonly string[]> =>
    (await sources('leo', 'repo', 'reach', other)).filter((line) => line.includes('SHARED'));
  assert.deepEqual(await secretsOf(), []);
  await assert.rejects(sources('leo', 'repo', 'label', other, 'team=web'), /answered 403/);
  await assert.rejects(sources('pat', 'repo', 'label', other, 'team'), /NAME=VALUE/);
  await assert.rejects(sources('pat', 'repo', 'label', 'shop/none', 'a=b'), /answered 404/);
  assert.deepEqual(await sources('pat', 'repo', 'label', other, 'zone=eu', 'team=web'), [
    'shop/api: team=web zone=eu',
  ]);
  assert.deepEqual(await secretsOf(), ['  secrets  SHARED']);
  const page = await (await web.signedIn('leo@example.com', ['developers'])).get(`/repos/${other}`);
  assert.match(page.text, /team=web, zone=eu/);
  assert.doesNotMatch(page.text, /action="\/repository-labels"/);
  assert.deepEqual(await sources('pat', 'repo', 'label', other), ['shop/api: no labels']);
  assert.deepEqual(await secretsOf(), []);
});
