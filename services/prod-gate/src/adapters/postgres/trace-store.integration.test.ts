import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { formatId } from '@airlock/common/ids';
import type { Roster } from '@airlock/common/policy/target-policy';
import { createBundleWorld } from '@airlock/common/testing/bundle-world';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import fc from 'fast-check';
import { keepPackages } from '../../app/keep-packages.ts';
import type { NewPromotion } from '../../app/promotion-ports.ts';
import { locksPackage } from '../../app/read-packages.ts';
import type { TraceQuestion, TraceStore } from '../../app/trace-ports.ts';
import { makeDelta, type DeltaCommit } from '../../domain/delta.ts';
import type { Matter, MatterKind } from '../../domain/matter.ts';
import { buildWordsOf, termsOf, tracesOf } from '../../domain/trace.ts';
import { noDetails } from '../../testing/delta-details.ts';
import { openDatabase, type GateDatabase } from './client.ts';
import { createPromotionStore } from './promotion-store.ts';
import { createTraceKeeper } from './trace-keeper.ts';
import { createTraceStore } from './trace-store.ts';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const world = createBundleWorld();
const noon = Date.parse('2026-11-22T12:00:00Z');

let gate: TestGateDatabase;
let intake: GateDatabase;
let web: GateDatabase;

before(async () => {
  gate = await createGateDatabase();
  intake = openDatabase(gate.settings('gate_intake'));
  web = openDatabase(gate.settings('gate_web'));
});
after(async () => {
  await intake.close();
  await web.close();
  await gate.dispose();
});

const roster = {
  people: ['dana', 'leo'].map((id) => ({
    ...{ id, name: id, nameId: `${id}@idp.example`, roles: [] },
    gitEmails: [`${id}@example.com`, `${id}@home.example`],
  })),
} as unknown as Roster;

type Sketch = {
  readonly key: number;
  readonly runner: number | null;
  readonly image: number;
  readonly commit: number;
  readonly brings: readonly number[];
  readonly requester: 'dana' | 'leo';
  readonly author: 'dana' | 'leo';
  readonly minute: number;
};

const commitId = (repository: string, place: number): string =>
  sha(`${repository} ${place}`).slice(0, 40);
const imageOf = (place: number): string => sha(`image ${place}`);

function promotionOf(repository: string, sketch: Sketch): NewPromotion {
  const name = randomBytes(8).toString('hex');
  const brought = (place: number): DeltaCommit => ({
    ...{ commit: commitId(repository, place), subject: 'x', authorName: 'x' },
    ...{ authorEmail: `${sketch.author}@home.example`, committerEmail: 'forge@example.com' },
    committedAt: '2026-11-22T10:00:00Z',
  });
  const at = new Date(noon + sketch.minute * 60_000);
  return {
    ...{ id: formatId('prm', randomBytes(10)), target: `t-${name}`, release: name },
    ...{ subjectName: 'app.tar.gz', artifactDigest: sha(name), artifactSize: 5, repository },
    ...{ commit: commitId(repository, sketch.commit), mainPosition: sketch.commit },
    ...{ pipeline: '.woodpecker.yaml', builderId: world.build.builderId },
    ...{ keyIds: [`k${sketch.key}`], reproduce: 1, invocationId: name, builtAt: at },
    returns: null,
    ...{ requester: `${sketch.requester}@idp.example`, requesterIdp: 'https://idp.example' },
    ...{ reason: 'x', requestedAt: at, admittedAt: at, expiresAt: new Date(noon + 9e7) },
    ...{ bundleDigest: sha(`b ${name}`), envelopeDigest: sha(`e ${name}`) },
    ...{ provenanceDigest: sha(`p ${name}`), policyDigest: sha('policy') },
    ...{ hook: `x@sha256:${sha('hook')}`, promotionDigest: sha(`d ${name}`) },
    delta: makeDelta({
      ...{ base: null, files: [], details: noDetails },
      commits: [sketch.commit, ...sketch.brings].map(brought),
    }),
    bundle: world.bundle({
      build: {
        ran: {
          ...{ planDigest: sha('plan'), runnerImage: imageOf(sketch.image), planRederived: true },
          ...(sketch.runner === null ? {} : { runner: `r-${sketch.runner}` }),
        },
      },
    }),
    document: Buffer.from('document'),
  };
}

async function admitted(promotions: readonly NewPromotion[]): Promise<void> {
  await intake.transaction(async (tx) => {
    for (const each of promotions) await createPromotionStore(intake).insert(tx, each);
  });
}

const few = fc.integer({ min: 0, max: 3 });
const person = fc.constantFrom('dana' as const, 'leo' as const);
const sketches = fc.array(
  fc.record({
    ...{ key: few, image: few, requester: person, author: person },
    runner: fc.option(few),
    commit: fc.integer({ min: 1, max: 6 }),
    brings: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 3 }),
    minute: fc.integer({ min: 0, max: 20 }),
  }),
  { minLength: 1, maxLength: 8 },
);
const asked = fc.record({
  ...{
    kind: fc.constantFrom<MatterKind>('key', 'runner', 'image', 'commit', 'person'),
    which: few,
  },
  since: fc.option(fc.integer({ min: 0, max: 20 })),
  until: fc.option(fc.integer({ min: 0, max: 20 })),
});

/** By looking at every promotion, with no index and no SQL. */
function bruteForce(all: readonly NewPromotion[], { terms, matter, ...window }: TraceQuestion) {
  const places = all
    .filter((each) =>
      [each.commit, ...each.delta.commits.map(({ commit }) => commit)].includes(matter.value),
    )
    .map(({ mainPosition }) => mainPosition);
  return all
    .filter(
      ({ admittedAt }) =>
        (window.since === null || admittedAt >= window.since) &&
        (window.until === null || admittedAt <= window.until),
    )
    .filter((each) => {
      const traces = tracesOf(each, buildWordsOf(each.bundle));
      const isTraced = terms.some((term) =>
        traces.some(({ kind, value }) => kind === term.kind && value === term.value),
      );
      const isContained =
        matter.kind === 'commit' && places.some((place) => each.mainPosition >= place);
      return isTraced || isContained;
    })
    .map(({ id }) => id as string)
    .sort();
}

describe('what rests on a matter', () => {
  test('is found in the database just as by looking at every promotion', async () => {
    await fc.assert(
      fc.asyncProperty(
        sketches,
        fc.array(asked, { minLength: 4, maxLength: 4 }),
        async (drawn, questions) => {
          await gate.asOwner('truncate promotion cascade');
          const repository = 'https://git.example/org/app';
          const all = drawn.map((sketch) => promotionOf(repository, sketch));
          await admitted(all);
          for (const { kind, which, since, until } of questions) {
            const value = {
              ...{ key: `k${which}`, runner: `r-${which}`, image: imageOf(which) },
              ...{ commit: commitId(repository, which + 1), person: which < 2 ? 'dana' : 'leo' },
            }[kind as 'key' | 'runner' | 'image' | 'commit' | 'person'];
            const matter: Matter = { kind, value };
            const moment = (minute: number | null) =>
              minute === null ? null : new Date(noon + minute * 60_000);
            const question = {
              ...{ matter, terms: termsOf(matter, roster) },
              ...{ since: moment(since), until: moment(until) },
            };
            const expected = bruteForce(all, question);
            const traces = createTraceStore(web);
            const ids = (found: readonly { promotionId: string }[]) =>
              [...new Set(found.map(({ promotionId }) => promotionId))].sort();
            assert.deepEqual(ids(await traces.newest(question, 100)), expected);
            const half = all.slice(0, Math.ceil(all.length / 2)).map(({ id }) => id as string);
            assert.deepEqual(
              ids(await traces.among(question, half)),
              expected.filter((id) => half.includes(id)),
            );
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('is cut at the newest, and each of those keeps all of its reasons', async () => {
    await gate.asOwner('truncate promotion cascade');
    const base = {
      key: 0,
      image: 0,
      commit: 1,
      brings: [],
      requester: 'dana',
      author: 'dana',
    } as const;
    const all = [0, 1, 2, 3].map((minute) =>
      promotionOf('https://git.example/org/app', { ...base, runner: null, minute }),
    );
    await admitted(all);
    const matter: Matter = { kind: 'person', value: 'dana' };
    const question = { matter, terms: termsOf(matter, roster), since: null, until: null };
    const found = await createTraceStore(web).newest(question, 2);
    assert.deepEqual(
      [...Map.groupBy(found, ({ promotionId }) => promotionId)]
        .map(([id, why]) => [id, why.map(({ kind }) => kind).sort()])
        .sort(),
      all
        .slice(2)
        .map(({ id }) => [id as string, ['email', 'requester']])
        .sort(),
    );
  });
});

test('a delta that is read anew is found by its new authors, and by those of the old one', async () => {
  await gate.asOwner('truncate promotion cascade');
  const base = { key: 0, image: 0, commit: 1, brings: [], requester: 'leo', runner: 0 } as const;
  const [was, is] = (['dana', 'leo'] as const).map((author) =>
    promotionOf('https://git.example/org/app', { ...base, author, minute: 0 }),
  );
  assert.ok(was !== undefined && is !== undefined);
  await admitted([was]);
  await intake.transaction((tx) =>
    createPromotionStore(intake).replaceDocument(tx, { ...is, id: was.id }),
  );
  const emails = (await createTraceStore(web).of(was.id)).filter(({ kind }) => kind === 'email');
  assert.deepEqual(
    emails.map(({ value }) => value),
    ['dana@home.example', 'forge@example.com', 'leo@home.example'],
  );
});

test('traces that are missing are made again as they were', async () => {
  await gate.asOwner('truncate promotion cascade');
  const base = {
    key: 0,
    image: 0,
    brings: [3],
    requester: 'leo',
    author: 'dana',
    runner: 1,
  } as const;
  const all = [1, 2].map((commit) =>
    promotionOf('https://git.example/org/app', { ...base, commit, minute: 0 }),
  );
  await admitted(all);
  const [one] = all;
  assert.ok(one !== undefined);
  const before = await createTraceStore(web).of(one.id);
  await gate.asOwner('truncate promotion_trace');
  const keeper = createTraceKeeper(intake);
  assert.deepEqual([await keeper.fillMissing(), await keeper.fillMissing()], [2, 0]);
  assert.ok(before.some(({ kind, value }) => kind === 'runner' && value === 'r-1'));
  assert.deepEqual(await createTraceStore(web).of(one.id), before);
});

test('first on a target is who and what none had that was delivered there; another target, and what failed there, count for nothing', async () => {
  await gate.asOwner('truncate promotion cascade');
  const base = { key: 0, commit: 1, brings: [], requester: 'leo', runner: 0, minute: 0 } as const;
  const of = (author: 'dana' | 'leo', image: number) =>
    promotionOf('https://git.example/org/app', { ...base, author, image });
  const [asked, here, failed, elsewhere] = [
    of('dana', 1),
    of('leo', 2),
    of('dana', 1),
    of('dana', 1),
  ];
  await admitted([asked, here, failed, elsewhere]);
  const deliver = (id: string, target: string, state: string) =>
    gate.asOwner(
      `insert into delivery (id, promotion_id, target, state, step, fence, owner, heartbeat_at, intent_digest)
       values ($1, $2, $3, $4, 'recorded', 1, 'deliverer', now(), 'x')`,
      [formatId('dlv', randomBytes(10)), id, target, state],
    );
  const firsts = async (target: string) =>
    (await createTraceStore(web).firsts(asked.id, target)).map(({ value }) => value);
  await deliver(here.id, 'prod', 'succeeded');
  await deliver(failed.id, 'prod', 'failed');
  await deliver(elsewhere.id, 'other', 'succeeded');
  // Who merged it for the forge is known here.
  assert.deepEqual(await firsts('prod'), ['dana@home.example', imageOf(1)]);
  assert.deepEqual(await firsts('other'), []);
  await deliver(asked.id, 'third', 'succeeded');
  assert.deepEqual(await firsts('third'), ['dana@home.example', 'forge@example.com', imageOf(1)]);
});

describe('packages', () => {
  const base = {
    key: 0,
    image: 0,
    brings: [],
    requester: 'leo',
    author: 'dana',
    runner: 1,
  } as const;
  const repository = 'https://git.example/org/app';
  const ask = (value: string) => {
    const matter: Matter = { kind: 'package', value };
    return { matter, terms: termsOf(matter, roster), since: null, until: null };
  };
  const found = async (purl: string) =>
    (await createTraceStore(web).newest(ask(purl), 10))
      .map(({ promotionId, value }) => [promotionId, value] as const)
      .sort();

  test('are found in every release whose lockfiles lock them, by name or version, and nowhere else', async () => {
    await gate.asOwner('truncate promotion cascade');
    const all = [1, 2, 3].map((commit) => promotionOf(repository, { ...base, commit, minute: 0 }));
    await admitted(all);
    const [one, other, third] = all.map(({ id }) => id as string);
    assert.ok(one !== undefined && other !== undefined && third !== undefined);
    const lock = (version: string) =>
      JSON.stringify({
        ...{ lockfileVersion: 3 },
        packages: {
          '': {},
          'node_modules/left-pad': { version },
          'node_modules/@a/b': { version: '2.0.0' },
        },
      });
    // The second has a lockfile that is none, and the third the very same bytes as the first.
    const trees = new Map([
      [all[0]?.commit, { 'package-lock.json': lock('1.3.0') }],
      [all[1]?.commit, { 'package-lock.json': lock('1.4.0'), 'api/yarn.lock': '', 'go.sum': 'x' }],
      [all[2]?.commit, { 'sub/package-lock.json': lock('1.3.0'), 'node_modules/x/yarn.lock': '' }],
    ]);
    const git = {
      allFiles: (commit: string) => Promise.resolve(Object.keys(trees.get(commit) ?? {})),
      readBlob: (commit: string, path: string) => {
        const text = new Map(Object.entries(trees.get(commit) ?? {})).get(path);
        return Promise.resolve(text === undefined ? null : Buffer.from(text));
      },
    };
    const keeper = createTraceKeeper(intake);
    assert.equal(await createTraceStore(web).locks(one, 'pkg:npm/left-pad'), null);
    assert.equal(await keepPackages({ keeper, mirror: () => git }), 3);
    assert.equal(await keepPackages({ keeper, mirror: () => git }), 0);
    const [exact, scoped] = ['pkg:npm/left-pad@1.3.0', 'pkg:npm/@a/b'];
    assert.deepEqual(
      await found(exact),
      [
        [one, exact],
        [other, ''],
        [third, exact],
      ].sort(),
    );
    assert.deepEqual(
      await found(scoped),
      [
        [one, scoped],
        [other, ''],
        [other, scoped],
        [third, scoped],
      ].sort(),
    );
    assert.deepEqual(await found('pkg:cargo/left-pad'), [[other, '']]);
    const traces = createTraceStore(web);
    assert.deepEqual(
      [
        await traces.locks(one, exact),
        await traces.locks(one, 'pkg:npm/x'),
        await traces.locks(other, 'pkg:npm/x'),
      ],
      [true, false, null],
    );
    for (const { id, commit } of all) {
      for (const purl of [exact, scoped, 'pkg:npm/x']) {
        assert.equal(await locksPackage(git, commit, purl), await traces.locks(id, purl), purl);
      }
    }
  });
});

test('with 10,000 promotions of one key, what rests on it is read by index and cut at the limit', async () => {
  await gate.asOwner('truncate promotion cascade');
  const first = promotionOf('https://git.example/org/app', {
    ...{ key: 0, image: 0, commit: 1, brings: [2], requester: 'dana', author: 'dana' },
    ...{ runner: 7, minute: 0 },
  });
  await admitted([first]);
  await gate.asOwner(`
    create temporary table seed on commit drop as select * from promotion;
    update seed set bundle = '', document = '';
    insert into promotion select (jsonb_populate_record(null::promotion, to_jsonb(seed) || jsonb_build_object(
      'id', 'prm_' || lpad(n::text, 10, '0'), 'target', 't-' || n, 'main_position', n,
      'admitted_at', seed.admitted_at + n * interval '1 second', 'state', 'live'))).*
      from seed, generate_series(2, 10000) n;
    insert into promotion_trace select 'prm_' || lpad(n::text, 10, '0'), t.kind, t.value, t.at + n * interval '1 second'
      from promotion_trace t, generate_series(2, 10000) n where t.kind <> 'change';
    insert into promotion_contents select 'prm_' || lpad(n::text, 10, '0'), 'read', now() from generate_series(2, 10000) n`);
  await gate.asOwner('analyze promotion, promotion_trace, promotion_contents');
  const brought = commitId('https://git.example/org/app', 2);
  for (const matter of [
    { kind: 'key', value: 'k0' },
    { kind: 'runner', value: 'r-7' },
    { kind: 'person', value: 'dana' },
    // Brought by the first, and contained in all after it.
    { kind: 'commit', value: brought },
  ] as const) {
    const question = { matter, terms: termsOf(matter, roster), since: null, until: null };
    const { found, rows } = await rowsRead((traces) => traces.newest(question, 201));
    assert.equal(new Set(found.map(({ promotionId }) => promotionId)).size, 201);
    assert.ok(rows <= 1_000, `${matter.kind}: ${rows} rows read`);
    const ids = found.slice(0, 3).map(({ promotionId }) => promotionId);
    const few = await rowsRead((traces) => traces.among(question, ids));
    assert.ok(few.rows <= 100, `${matter.kind} among 3: ${few.rows} rows read`);
  }
});

/** What the lookup took out of tables and indexes, counted by Postgres within one transaction. */
async function rowsRead<Answer>(look: (traces: TraceStore) => Promise<Answer>) {
  return web.prisma.$transaction(async (client) => {
    const read = async (): Promise<number> => {
      const [row] = await client.$queryRaw<{ rows: number }[]>`
        select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_xact_user_tables`;
      return row?.rows ?? 0;
    };
    const before = await read();
    const found = await look(
      createTraceStore({ ...web, prisma: client as GateDatabase['prisma'] }),
    );
    return { found, rows: (await read()) - before };
  });
}

test('nobody but intake writes traces, and nobody takes one away', async () => {
  for (const [database, sql] of [
    [web, "insert into promotion_trace values ('p', 'key', 'k', now())"],
    [web, 'delete from promotion_trace'],
    [intake, 'delete from promotion_trace'],
    [intake, "update promotion_trace set value = 'other'"],
  ] as const) {
    await assert.rejects(database.pool.query(sql), /permission denied/);
  }
});
