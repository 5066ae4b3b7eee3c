import assert from 'node:assert/strict';
import { RotateEvery } from '@airlock/process/credential-age';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { createSamlKey } from '@airlock/cli/setup/saml-key';
import { Problem } from '@airlock/common/wire/problem';
import { openPool, type DatabasePool } from '@airlock/database/pool';
import { createSessionStore } from '@airlock/database/session-store';
import { createLog } from '@airlock/process/log';
import { freePort } from '@airlock/testkit/ports';
import { testPostgres } from '@airlock/testkit/stack';
import type { Route } from '@airlock/web/route';
import { createWebServer, type WebServer } from '@airlock/web/server';
import { csrfTokenOf, hashOf, newSecret, sessionCookie } from '@airlock/web/session';
import { createGroupStore } from '../adapters/postgres/group-store.ts';
import { createHeadStore } from '../adapters/postgres/head-store.ts';
import { createJobStore } from '../adapters/postgres/job-store.ts';
import { createStatusStore } from '../adapters/postgres/outbox-reader.ts';
import { createFoundStore } from '../adapters/postgres/found-store.ts';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { createReportContents } from '../adapters/postgres/report-contents.ts';
import { createReportQueries } from '../adapters/postgres/report-queries.ts';
import { createPromotionRequestStore } from '../adapters/postgres/promotion-request-store.ts';
import { createApiTokens } from '../app/api-tokens.ts';
import { createTokenStore } from '../adapters/postgres/token-store.ts';
import { viewerOf } from '../testing/web.ts';
import { createAskPromotion } from '../app/ask-promotion.ts';
import { retireLogs } from '../app/retire-logs.ts';
import { keepElevations } from '../elevation-keeping.ts';
import { groupsFor, rolesOf } from '../domain/access.ts';
import { demandOf, type Action, type Noun } from '../domain/group-required.ts';
import { createEvents } from '../events.ts';
import { createFoundEvents } from '../found-events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { testFleet } from '../testing/fleet.ts';
import {
  candidate,
  newId,
  passedReport,
  passedRun,
  repository,
  startRun,
} from '../testing/fixtures.ts';
import { testLogs, type TestLogs } from '../testing/logs.ts';
import { keepPeople } from '../people-keeping.ts';
import { keepRuns } from '../run-keeping.ts';
import { keepSources } from '../source-keeping.ts';
import { keepTrust } from '../trust-keeping.ts';
import { refuseForeign, verbOf } from './heed-owners.ts';
import { nonprodRoutes } from './routes.ts';

const groups = { developers: 'developer', platform: 'platform' } as const;
const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

let directory: string;
let logs: TestLogs;
let database: TestDatabase;
let pool: DatabasePool;
let server: WebServer;
let routes: Route[];
/** Filled by the test that is about it. */
const groupRequired: Partial<Record<Noun, Partial<Record<Action, string[]>>>> = {};
let origin: string;
const rung: string[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-nonprod-web-'));
  database = await testDatabase(await testPostgres());
  pool = openPool(database.connectionOf('nonprod_web'));
  const port = await freePort();
  origin = `http://nonprod.localhost:${port}`;
  const key = await createSamlKey('nonprod');
  const [keyFile, certificateFile] = [join(directory, 'key'), join(directory, 'certificate')];
  await writeFile(keyFile, key.keyPem);
  await writeFile(certificateFile, key.certificatePem);
  const names = [
    'style.css',
    'live.js',
    'keys.js',
    'log.js',
    'log-window.js',
    'passkey.js',
    'favicon-nonprod.svg',
  ];
  await writeFile(
    join(directory, 'manifest.json'),
    JSON.stringify(Object.fromEntries(names.map((name) => [name, name]))),
  );
  const db = database.as('nonprod_web');
  const events = createEvents(silent);
  logs = testLogs(database, join(directory, 'logs'));
  const bell = { ring: (id: string) => rung.push(id) };
  const noFiles = { pipelines: [], release: null };
  const mirror = {
    head: () => Promise.resolve('a'.repeat(40)),
    planFiles: () => Promise.resolve(noFiles),
  };
  const trust = keepTrust({ db, mirrors: { of: () => mirror }, bell, events });
  routes = nonprodRoutes({
    reports: { ...createReportQueries(db), ...createReportContents(db) },
    logs,
    events,
    fleet: await testFleet(database, directory),
    queries: createPageQueries(db),
    mainBranch: 'main',
    groupRequired,
    elevation: keepElevations({
      ...{ db, events, groups, firstAdministrators: [], credentialNotices: () => [] },
    }).routes,
    credentials: { rotateEvery: RotateEvery.parse({}) },
    askPromotion: createAskPromotion({
      requests: createPromotionRequestStore(db),
      bell,
      events,
      newId,
    }),
    secrets: { keeping: null, project: 'shop/web' },
    people: keepPeople({ db, events }, { origin, accountLinks: [], repository }),
    ...trust,
    runs: keepRuns({ db, bell, newId, events }),
    found: { store: createFoundStore(db), events: createFoundEvents(silent) },
    sources: keepSources({
      ...{ db, bell, newId, origin },
      from: ['https://git.example/'],
      secretOf: () => null,
      pools: trust.pools.pools,
      launchFile: () => Promise.resolve(null),
    }),
    tokens: createApiTokens({
      ...{ events, newId, resolveViewer: viewerOf },
      tokens: createTokenStore(db),
      clock: () => new Date(),
    }),
  });
  server = await createWebServer({
    service: 'nonprod',
    origin,
    listen: { host: '127.0.0.1', port },
    log: silent,
    assetsDirectory: directory,
    sessions: createSessionStore(pool),
    saml: {
      entityId: `${origin}/saml/metadata`,
      idp: {
        entityId: 'https://idp.example',
        signInUrl: 'http://127.0.0.1:1/sso',
        certificateFile,
      },
      keyFile,
      certificateFile,
    },
    nav: [{ href: '/', label: 'Runs' }],
    build: { version: '0.0.0', commit: null, digest: null },
    footer: () => Promise.resolve([]),
    resolveViewer: (identity) =>
      Promise.resolve({
        id: identity.nameId,
        name: identity.displayName,
        nameId: identity.nameId,
        idp: identity.idp,
        groups: identity.groups,
        roles: rolesOf(identity.groups, groups),
      }),
    groupForRole: (role) => groupsFor(role, groups).join(' or '),
    routes,
  });
});

after(async () => {
  await server.close();
  await logs.files.end();
  await pool.end();
  await database.close();
  await rm(directory, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
  readonly location: string | undefined;
}

interface Browser {
  readonly csrfToken: string;
  readonly cookie: string;
  get(path: string): Promise<Answer>;
  post(path: string, body: string, headers?: Record<string, string>): Promise<Answer>;
  put(path: string, body: string, headers: Record<string, string>): Promise<Answer>;
}

/** A signed-in browser; how people sign in is the web kit's to test. */
async function signedIn(nameId: string, memberOf: string[]): Promise<Browser> {
  const sid = newSecret();
  await createSessionStore(pool).createSession(hashOf(sid), {
    person: nameId,
    identity: {
      nameId,
      idp: 'https://idp.example',
      displayName: nameId.split('@')[0] ?? '',
      groups: memberOf,
    },
    expiresAt: new Date(Date.now() + 3_600_000),
  });
  const cookie = `${sessionCookie}=${sid}`;
  return {
    csrfToken: csrfTokenOf(sid),
    cookie,
    get: (path) => send('GET', path, { cookie, accept: 'text/html' }),
    post: (path, body, headers = {}) =>
      send(
        'POST',
        path,
        {
          cookie,
          origin,
          'sec-fetch-site': 'same-origin',
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'text/html',
          ...headers,
        },
        body,
      ),
    put: (path, body, headers) =>
      send('PUT', path, { cookie, origin, 'sec-fetch-site': 'same-origin', ...headers }, body),
  };
}

function send(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Answer> {
  const url = new URL(path, origin);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { method, host: '127.0.0.1', port: url.port, path, headers: { host: url.host, ...headers } },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          text += chunk;
          // Streams never end; their first words are enough.
          if (
            incoming.headers['content-type']?.startsWith('text/event-stream') === true &&
            text.includes('data:')
          ) {
            outgoing.destroy();
            resolve({ status: 200, text, headers: incoming.headers, location: undefined });
          }
        });
        incoming.on('error', reject);
        incoming.on('end', () => {
          const { statusCode: status = 0, headers: sent } = incoming;
          resolve({ status, text, headers: sent, location: sent.location });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function assertGoodPage(answer: Answer): void {
  assert.equal(answer.status, 200, answer.text.slice(0, 400));
  assert.match(answer.text, /NON-PROD CI/);
  assert.doesNotMatch(answer.text, /\sstyle=|<script>|blocked/i);
}

test('without a session a page leads to the sign-in, and the API says 401', async () => {
  const page = await send('GET', '/runs/run_0000000000', { accept: 'text/html' });
  assert.equal(page.status, 303);
  assert.match(page.location ?? '', /^\/auth\/sign-in\?returnTo=/);
  assert.equal((await send('GET', '/api/v1/runs', {})).status, 401);
});

test('empty pages say why they are empty and what to do', async () => {
  const dana = await signedIn('dana@demo.example', ['developers']);
  const pages = [
    ['/', /No runs yet.*\.woodpecker\.yaml/s],
    ['/candidates', /Candidates come from main only\. Main has not been built yet/],
    ['/promotions', /Nobody has asked for a promotion yet/],
  ] as const;
  for (const [path, words] of pages) {
    const answer = await dana.get(path);
    assertGoodPage(answer);
    assert.match(answer.text, words);
  }
});

test('from candidate to request: the form asks once, and the page says what the gate said', async () => {
  const dana = await signedIn('dana@demo.example', ['developers']);
  const id = await candidate(database);
  assertGoodPage(await dana.get('/candidates'));
  const page = await dana.get(`/candidates/${id}`);
  assertGoodPage(page);
  assert.match(page.text, /Ask for promotion/);
  const form = new URLSearchParams({
    _csrf: dana.csrfToken,
    target: 'prod',
    reason: 'VAT <per> line',
  });
  const asked = await dana.post(`/candidates/${id}/promotions`, form.toString());
  assert.equal(asked.status, 303);
  const path = asked.location ?? '';
  assert.match(path, /^\/promotions\/prq_/);
  assert.ok(rung.includes(path.slice('/promotions/'.length)));
  const again = await dana.post(`/candidates/${id}/promotions`, form.toString());
  assert.equal(again.location, path);

  const fresh = await dana.get(path);
  assertGoodPage(fresh);
  assert.match(fresh.text, /The gate has not called yet/);
  assert.match(fresh.text, /VAT &lt;per> line|VAT &lt;per&gt; line/);

  const statuses = createStatusStore(database.as('nonprod_outbox'));
  await statuses.gateSeen();
  await statuses.record([
    {
      id: path.slice('/promotions/'.length),
      state: 'waiting',
      text: 'Waiting for 1 of 2 approvals.',
      codes: [],
      promotion: 'prm_0000000000',
      page: 'https://gate.example/promotions/prm_0000000000',
      at: new Date().toISOString(),
    },
  ]);
  const reported = await dana.get(path);
  assertGoodPage(reported);
  assert.match(reported.text, /Waiting for 1 of 2 approvals\./);
  assert.match(reported.text, /href="https:\/\/gate\.example/);
  assert.doesNotMatch(reported.text, /has not called yet/);
  assert.equal(
    z
      .object({ gate: z.object({ status: z.object({ state: z.string() }) }) })
      .parse(JSON.parse((await dana.get(`/api/v1${path}`)).text)).gate.status.state,
    'waiting',
  );
});

test('what the domain refuses is told in words on the page and by code in the API', async () => {
  const dana = await signedIn('dana@demo.example', ['developers']);
  const id = await candidate(database);
  const form = new URLSearchParams({ _csrf: dana.csrfToken, target: 'moon', reason: 'x' });
  const page = await dana.post(`/candidates/${id}/promotions`, form.toString());
  assert.equal(page.status, 409);
  assert.match(page.text, /names no target moon/);
  const api = await dana.post(
    `/api/v1/candidates/${id}/promotions`,
    JSON.stringify({ target: 'moon', reason: '' }),
    {
      'content-type': 'application/json',
      'x-csrf-token': dana.csrfToken,
      accept: 'application/json',
    },
  );
  assert.equal(api.status, 409);
  assert.deepEqual(Problem.parse(JSON.parse(api.text)).codes, [
    'target-not-declared',
    'reason-missing',
  ]);
});

test('who is no developer may look and not ask, and is told the group', async () => {
  const aud = await signedIn('aud@demo.example', ['auditors']);
  const id = await candidate(database);
  assertGoodPage(await aud.get(`/candidates/${id}`));
  const form = new URLSearchParams({ _csrf: aud.csrfToken, target: 'prod', reason: 'x' });
  const answer = await aud.post(`/candidates/${id}/promotions`, form.toString());
  assert.equal(answer.status, 403);
  assert.match(answer.text, /developers/);
});

test('a request without the page’s token, or from elsewhere, changes nothing', async () => {
  const dana = await signedIn('dana@demo.example', ['developers']);
  const id = await candidate(database);
  const body = new URLSearchParams({ target: 'prod', reason: 'x' }).toString();
  assert.equal((await dana.post(`/candidates/${id}/promotions`, body)).status, 403);
  const good = new URLSearchParams({
    _csrf: dana.csrfToken,
    target: 'prod',
    reason: 'x',
  }).toString();
  const elsewhere = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
  assert.equal((await dana.post(`/candidates/${id}/promotions`, good, elsewhere)).status, 403);
  assert.equal(
    (await createPageQueries(database.as('nonprod_web')).candidate(id))?.requests.length,
    0,
  );
});

test('a failed run leads to its first failing line: on the page, by machine, by search', async () => {
  const dana = await signedIn('dana@demo.example', ['developers']);
  const run = await startRun(database, { pool: 'failing' });
  const jobs = createJobStore(database.as('nonprod_web'));
  const claim = await jobs.claim({ runner: 'r1', pool: 'failing', leaseSeconds: 60 });
  assert.ok(claim !== null);
  const proof = { jobId: claim.jobId, lease: claim.lease, runner: 'r1' };
  const noise = Array.from({ length: 900 }, (_, at) => `compiling ${at}`);
  const text = [...noise, 'a.c:9:5: error: expected ;', 'make: *** [a.o] Error 1', 'bye'].join(
    '\n',
  );
  const chunk = { offset: 0, bytes: Buffer.from(text), isEnd: true };
  await logs.intake.take(proof, 'build', chunk);
  const report = { ...passedReport(claim.lease), outcome: 'failed' as const };
  const [first, ...others] = report.steps;
  assert.ok(first !== undefined);
  const failed = { ...first, outcome: 'failed' as const, exitCode: 2 };
  await jobs.finish(
    proof,
    {
      ...report,
      steps: [failed, ...others.map((step) => ({ ...step, outcome: 'skipped' as const }))],
    },
    { outcome: 'failed', reason: 'step build failed' },
  );
  const page = await dana.get(`/runs/${run.id}`);
  assertGoodPage(page);
  assert.match(
    page.text,
    /class="is-failure"><a href="#L901" class="log-number" aria-label="Line 901" id="first-failure"/,
  );
  const failure = JSON.parse((await dana.get(`/api/v1/runs/${run.id}/failure`)).text) as unknown;
  assert.deepEqual(failure, {
    ...{ job: claim.jobId, workflow: 'woodpecker', step: 'build', state: 'failed', exitCode: 2 },
    line: { n: 901, text: 'a.c:9:5: error: expected ;' },
    before: noise.slice(-6).map((each, at) => ({ n: 895 + at, text: each })),
    page: `/runs/${run.id}?job=${claim.jobId}&step=build#first-failure`,
  });
  const found = await dana.get(`/api/v1/runs/${run.id}/search?q=COMPILING%2089`);
  assert.deepEqual(JSON.parse(found.text), {
    lines: [90, ...Array.from({ length: 10 }, (_, at) => 891 + at)],
    continueAt: null,
  });
  assert.equal((await dana.get(`/api/v1/runs/${run.id}/search?q=`)).status, 400);
  const lines = await dana.get(`/api/v1/runs/${run.id}/lines?from=900&count=2`);
  assert.match(lines.text, /^\{"total":903,"isOpen":false,"lines":\[\{"n":900,.*"n":901,/);
  const earlier = await dana.get(`/runs/${run.id}?job=${claim.jobId}&step=build&from=10`);
  assert.match(earlier.text, /id="L10"/);
  assert.doesNotMatch(earlier.text, /id="L9"/);
});

test('logs of a run stay beyond their time while platform keeps them, and a page says when they went', async () => {
  const day = 86_400_000;
  const retire = (now: number) =>
    retireLogs(
      { files: logs.files, policies: logs.policies, events: createEvents(silent) },
      { mainRef: 'refs/heads/main', keepDays: { main: 10, other: 5 }, now: new Date(now) },
    );
  const dana = await signedIn('dana@demo.example', ['developers']);
  const oke = await signedIn('oke@demo.example', ['platform']);
  const jobs = createJobStore(database.as('nonprod_web'));
  const run = await startRun(database, { pool: 'retired' });
  const claim = await jobs.claim({ runner: 'r1', pool: 'retired', leaseSeconds: 60 });
  assert.ok(claim !== null);
  const proof = { jobId: claim.jobId, lease: claim.lease, runner: 'r1' };
  await logs.intake.take(proof, 'build', { offset: 0, bytes: Buffer.from('hello\n'), isEnd: true });
  await jobs.finish(proof, passedReport(claim.lease), { outcome: 'failed', reason: 'x' });

  const form = (csrf: string) =>
    new URLSearchParams({ _csrf: csrf, reason: 'an incident' }).toString();
  const hold = `/runs/${run.id}/log-hold`;
  assert.equal((await dana.post(hold, form(dana.csrfToken))).status, 403);
  assert.equal((await oke.post(hold, form(oke.csrfToken))).status, 303);
  assert.match(
    (await dana.get(`/runs/${run.id}`)).text,
    /keeps the logs of this run.*an incident/s,
  );
  await retire(Date.now() + 20 * day);
  assert.match((await dana.get(`/runs/${run.id}/log.txt?step=build`)).text, /hello/);

  const lift = new URLSearchParams({ _csrf: oke.csrfToken }).toString();
  assert.equal((await oke.post(`${hold}/lift`, lift)).status, 303);
  await retire(Date.now() + 9 * day);
  assert.match((await dana.get(`/runs/${run.id}/log.txt?step=build`)).text, /hello/);
  assert.ok((await retire(Date.now() + 11 * day)) >= 1);
  const page = await dana.get(`/runs/${run.id}`);
  assertGoodPage(page);
  assert.match(page.text, /The log was deleted/);
  assert.equal((await dana.get(`/runs/${run.id}/log.txt?step=build`)).text, '');
});

test('a run’s page shows every state, with log text that is never markup', async () => {
  const dana = await signedIn('dana@demo.example', ['developers']);
  const jobs = createJobStore(database.as('nonprod_web'));
  const run = await startRun(database, { pool: 'page' });
  const queued = await dana.get(`/runs/${run.id}`);
  assertGoodPage(queued);
  assert.match(queued.text, /for a runner of the pool page/);
  const limits = { runsAtOnce: 1, runsAPersonAnHour: null };
  const waits = await dana.get(`/runs/${(await startRun(database, { pool: 'page', limits })).id}`);
  assertGoodPage(waits);
  assert.match(
    waits.text,
    /Waits: \d+ runs of shop\/web are built or in line, and 1 may be at once/,
  );

  const claim = await jobs.claim({ runner: 'r1', pool: 'page', leaseSeconds: 60 });
  assert.ok(claim !== null);
  const proof = { jobId: claim.jobId, lease: claim.lease, runner: 'r1' };
  const text = '\u001b[31m<img src=x onerror=alert(1)>\u001b[0m\nsecond\n';
  const bytes = Buffer.from(text);
  await logs.intake.take(proof, 'build', { offset: 0, bytes, isEnd: false });
  const running = await dana.get(`/runs/${run.id}`);
  assertGoodPage(running);
  assert.match(running.text, /class="ansi-red"/);
  assert.doesNotMatch(running.text, /<img/);
  const whole = await dana.get(`/runs/${run.id}/log.txt`);
  assert.equal(whole.text, text);
  assert.match(whole.headers['content-disposition'] ?? '', /^attachment; filename="[\w.-]+"$/);
  assert.equal(whole.headers['x-content-type-options'], 'nosniff');
  const lines = await dana.get(`/runs/${run.id}/lines?after=1`);
  assert.match(
    lines.text,
    /event: lines\ndata: \{"total":2,"lines":\[\{"n":2,"spans":\[\{"text":"second"/,
  );
  // The page was made before the runner took the job.
  const live = await dana.get(`/runs/${run.id}/events?seen=queued`);
  assert.match(live.text, /event: change/);

  const failed = await startRun(database, {
    state: 'failed',
    reason: '.woodpecker.yaml:1:1: a\n.woodpecker.yaml:2:1: b',
  });
  const page = await dana.get(`/runs/${failed.id}`);
  assertGoodPage(page);
  assert.match(page.text, /\.woodpecker\.yaml:2:1: b/);
  assert.equal((await dana.get('/runs/run_zzzzzzzzzz')).status, 404);
  assert.equal((await dana.get('/runs/1%27--')).status, 404);
});

test('what the compiler warns of is on the run’s page as text, and by machine', async () => {
  const dana = await signedIn('dana@demo.example', ['developers']);
  const warnings = ['.woodpecker.yaml:4:9: steps.0.commands.0: `echo <b>$T</b>` prints the secret'];
  const run = await startRun(database, { pool: 'warned', warnings });
  const page = await dana.get(`/runs/${run.id}`);
  assertGoodPage(page);
  assert.match(page.text, /A warning about the files that this run follows/);
  assert.match(page.text, /\.woodpecker\.yaml:4:9: steps\.0\.commands\.0: `echo &lt;b>/);
  const answer = await dana.get(`/api/v1/runs/${run.id}`);
  assert.deepEqual((JSON.parse(answer.text) as { warnings: unknown }).warnings, warnings);
});

test('a held run is released by a developer who is not its author, once', async () => {
  const run = await startRun(database, {
    state: 'held',
    reason: 'Held: pull request #3 waits until a member releases it; …',
    ref: 'refs/pull/3/head',
    pullRequest: 3,
    event: 'pull_request',
  });
  const dana = await signedIn('dana@example.com', ['developers']);
  const leo = await signedIn('leo@demo.example', ['developers']);
  const page = await leo.get(`/runs/${run.id}`);
  assertGoodPage(page);
  assert.match(page.text, /pull request #3 waits/);
  assert.match(page.text, /Trust 3/);
  const { commit } = run;
  const form = ({ csrfToken }: Browser): string =>
    new URLSearchParams({ _csrf: csrfToken, commit, files: 'base' }).toString();
  const author = await dana.post(`/runs/${run.id}/release`, form(dana));
  assert.equal(author.status, 409);
  assert.match(author.text, /somebody else releases it/);
  assert.equal((await leo.post(`/runs/${run.id}/release`, form(leo))).status, 303);
  assert.ok(rung.includes(run.id));
  assert.equal((await leo.post(`/runs/${run.id}/release`, form(leo))).status, 409);
});

test('an installation that keeps no secrets says so, with what would change it', async () => {
  const oke = await signedIn('oke@demo.example', ['platform']);
  const page = await oke.get('/secrets');
  assertGoodPage(page);
  assert.match(page.text, /No secrets are kept here/);
  assert.doesNotMatch(page.text, /<textarea/);
  const api = await oke.get('/api/v1/secrets');
  assert.equal(api.status, 409);
  assert.match(Problem.parse(JSON.parse(api.text)).detail ?? '', /`secrets` in the configuration/);
});

test('a run’s page and its JSON show what its job sent and fetched', async () => {
  const dana = await signedIn('dana@demo.example', ['developers']);
  const run = await passedRun(database, { pool: 'egress' });
  assert.match(
    (await dana.get(`/runs/${run.id}`)).text,
    /3 connections, 1 refused; 2\.0 KiB in, 512 B out/,
  );
  const shown = JSON.parse((await dana.get(`/api/v1/runs/${run.id}`)).text) as {
    jobs: { egress: unknown }[];
  };
  assert.deepEqual(
    shown.jobs.map(({ egress }) => egress),
    [{ allowed: 3, refused: 1, bytesIn: 2048, bytesOut: 512, hosts: [] }],
  );
});

test('the platform role makes and changes pools; what the isolation cannot keep is refused by field', async () => {
  await createHeadStore(database.as('nonprod_scheduler')).ensureRepository(repository);
  const dana = await signedIn('dana@demo.example', ['developers']);
  const pat = await signedIn('pat@demo.example', ['platform']);
  const form = (change: Record<string, string>, csrfToken: string): string =>
    new URLSearchParams({
      ...{ _csrf: csrfToken, version: '0', trust: '2', isolation: 'bubblewrap', once: 'on' },
      images: `node:* sha256:${'a'.repeat(64)}\r\nplugins/s3 sha256:${'b'.repeat(64)} plugin`,
      ...{ labels: 'gpu=a100', repositories: 'shop/web', concurrency: '', egress: '' },
      ...change,
    }).toString();
  assert.equal((await dana.post('/pools', form({ name: 'gpu' }, dana.csrfToken))).status, 403);

  const open = await pat.post('/pools', form({ name: 'gpu', everyone: 'on' }, pat.csrfToken));
  assert.equal(open.status, 409);
  assert.match(open.text, /everyone: only a pool of trust 0 is open/);
  const made = await pat.post('/pools', form({ name: 'gpu' }, pat.csrfToken));
  assert.equal(made.location, '/pools/gpu');
  assertGoodPage(await pat.get('/pools'));
  const page = await dana.get('/pools/gpu');
  assertGoodPage(page);
  assert.match(page.text, /plugins\/s3/);
  assert.match(page.text, /not known: no runner of it was heard of in the last day/);

  const json = { 'content-type': 'application/json', 'x-csrf-token': pat.csrfToken };
  const read = z
    .looseObject({ version: z.number() })
    .parse(JSON.parse((await pat.get('/api/v1/pools/gpu')).text));
  const { version } = read;
  const wish = { version, trust: 1, isolation: 'user', once: false, images: [], egress: 'npm' };
  const refused = await pat.put('/api/v1/pools/gpu', JSON.stringify(wish), json);
  assert.equal(refused.status, 422);
  const problem = Problem.parse(JSON.parse(refused.text));
  assert.deepEqual(problem.codes, ['egress']);
  assert.match(problem.detail ?? '', /egress: isolation user has no network of its own/);
  const saved = await pat.put('/api/v1/pools/gpu', JSON.stringify({ ...wish, egress: null }), json);
  assert.deepEqual(JSON.parse(saved.text), { name: 'gpu', version: 2 });
  const late = await pat.put('/api/v1/pools/gpu', JSON.stringify({ ...wish, egress: null }), json);
  assert.equal(late.status, 412);
});

test('the platform role adds a repository from where it may come; developers and other addresses are refused', async () => {
  const dana = await signedIn('dana@demo.example', ['developers']);
  const pat = await signedIn('pat@demo.example', ['platform']);
  const post = (who: typeof pat, body: object) =>
    who.post('/api/v1/repositories', JSON.stringify(body), {
      'content-type': 'application/json',
      'x-csrf-token': who.csrfToken,
    });
  const wish = { name: 'shop/docs', cloneUrl: 'https://git.example/shop/docs.git' };
  assert.equal((await post(dana, wish)).status, 403);
  const elsewhere = await post(pat, { ...wish, cloneUrl: 'http://169.254.169.254/x' });
  assert.equal(elsewhere.status, 409);
  assert.match(elsewhere.text, /from these addresses alone: https:\/\/git\.example\//);
  const added = await post(pat, wish);
  assert.equal(added.status, 201);
  const { signed, webhook } = z
    .looseObject({ signed: z.boolean(), webhook: z.null() })
    .parse(JSON.parse(added.text));
  assert.deepEqual([signed, webhook], [false, null]);
  assert.equal((await post(pat, wish)).status, 409);
  assert.match((await dana.get('/api/v1/repositories')).text, /shop\/docs/);
});

test('a launch group starts what it may not change, and everybody may still look', async () => {
  const id = await candidate(database);
  const groups = createGroupStore(database.as('nonprod_web'));
  const owners = { own: ['web-team'], launch: ['support'] };
  await groups.set(repository.name, owners, 'pat@example.com');
  const ask = async (memberOf: string[]) => {
    const browser = await signedIn('lea@example.com', memberOf);
    const fields = { _csrf: browser.csrfToken, target: 'prod', reason: 'the fix for VAT' };
    return await browser.post(
      `/candidates/${id}/promotions`,
      new URLSearchParams(fields).toString(),
    );
  };
  const refused = await ask(['developers']);
  assert.equal(refused.status, 403);
  assert.match(refused.text, /web-team/);
  assert.equal((await ask(['developers', 'support'])).status, 303);
  const other = await signedIn('lea@example.com', ['developers']);
  assert.equal((await other.get(`/candidates/${id}`)).status, 200);
  await groups.set(repository.name, { own: [], launch: [] }, 'pat@example.com');
});

test('every change that is a developer’s is refused where the repository belongs to other groups', async () => {
  const run = await startRun(database, { state: 'held', plan: null });
  const groups = createGroupStore(database.as('nonprod_web'));
  const owners = { own: ['web-team'], launch: ['support'] };
  await groups.set(repository.name, owners, 'pat@example.com');
  const changes = routes.filter((route) => verbOf(route) !== null);
  assert.ok(changes.length >= 6, `${changes.length} routes`);
  for (const route of changes) {
    // Support may start what is started.
    const foreign = verbOf(route) === 'start' ? ['developers'] : ['developers', 'support'];
    const identity = { nameId: 'x@example.com', displayName: 'x', idp: 'https://idp.example' };
    const viewer = await viewerOf({ ...identity, groups: foreign });
    const id = route.path.includes(':id') ? run.id : undefined;
    const body = { repository: repository.name };
    await assert.rejects(
      refuseForeign(route, { viewer, id, body }, groups),
      { code: 'group-missing' },
      route.name,
    );
    const owner = await viewerOf({ ...identity, groups: ['developers', 'web-team'] });
    await refuseForeign(route, { viewer: owner, id, body }, groups);
  }
  await groups.set(repository.name, { own: [], launch: [] }, 'pat@example.com');
});

test('what a private repository has is not there for others, on any page, by any route, in any list', async () => {
  const id = await candidate(database);
  const db = database.as('nonprod_web');
  const ofRun = await createPageQueries(db).candidate(id);
  assert.ok(ofRun !== null);
  const groups = createGroupStore(db);
  const owner = await signedIn('lea@example.com', ['developers', 'web-team']);
  const launcher = await signedIn('sam@example.com', ['support']);
  const stranger = await signedIn('eve@example.com', ['developers']);
  const platform = await signedIn('pat@example.com', ['platform']);
  const asked = await owner.post(
    `/candidates/${id}/promotions`,
    new URLSearchParams({ _csrf: owner.csrfToken, target: 'prod', reason: 'x' }).toString(),
  );
  const promotion = asked.location?.split('/').at(-1) ?? '';
  const setSight = (who: Browser, sight: string) =>
    who.post(
      '/repository-sight',
      new URLSearchParams({ _csrf: who.csrfToken, repository: repository.name, sight }).toString(),
    );
  const ownerless = await setSight(owner, 'private');
  assert.equal(ownerless.status, 409);
  assert.match(ownerless.text, /Give it owners first/);

  const owners = { own: ['web-team'], launch: ['support'] };
  await groups.set(repository.name, owners, 'pat@example.com');
  assert.equal((await setSight(stranger, 'private')).status, 403);
  assert.equal((await setSight(owner, 'private')).status, 303);

  const ids: Record<string, string> = { run: ofRun.runId, candidate: id, promotion };
  const kindOf = (path: string): string =>
    /\/(run|candidate|promotion)s\/:id/.exec(path)?.[1] ?? '';
  const byId = routes.filter(({ path, method }) => method === 'get' && kindOf(path) !== '');
  assert.ok(byId.length >= 15, `${byId.length} routes`);
  for (const { path } of byId) {
    const answer = await stranger.get(path.replace(':id', ids[kindOf(path)] ?? ''));
    assert.equal(answer.status, 404, path);
    assert.doesNotMatch(answer.text, /shop\/web/, path);
  }
  for (const path of [
    '/repos/shop/web',
    '/api/v1/owners?repository=shop/web',
    '/api/v1/budgets?repository=shop/web',
    '/secrets',
    '/api/v1/secrets',
  ]) {
    assert.equal((await stranger.get(path)).status, 404, path);
    assert.notEqual((await owner.get(path)).status, 404, path);
  }
  const lists = ['/', '/candidates', '/promotions', '/repos', '/pools', '/api/v1/repositories'];
  for (const path of [...lists, '/api/v1/runs', '/api/v1/candidates', '/api/v1/pools']) {
    const { status, text } = await stranger.get(path);
    assert.equal(status, 200, path);
    for (const secret of ['shop/web', ofRun.runId, id, promotion]) {
      assert.ok(!text.includes(secret), `${path} shows ${secret}`);
    }
  }
  const gone = await stranger.post(
    `/candidates/${id}/promotions`,
    new URLSearchParams({ _csrf: stranger.csrfToken, target: 'prod', reason: 'x' }).toString(),
  );
  assert.equal(gone.status, 404);

  for (const who of [owner, launcher, platform]) {
    assert.equal((await who.get(`/runs/${ofRun.runId}`)).status, 200);
    assert.match((await who.get('/repos')).text, /shop\/web/);
    assert.ok((await who.get('/')).text.includes(ofRun.runId));
  }
  assert.equal((await setSight(owner, 'everyone')).status, 303);
  assert.equal((await stranger.get(`/runs/${ofRun.runId}`)).status, 200);
  await groups.set(repository.name, { own: [], launch: [] }, 'pat@example.com');
});

test('the page of repositories says what a new one unlocks, and one’s own page leads to tokens and accounts', async () => {
  const dana = await signedIn('dana@demo.example', ['developers']);
  const pat = await signedIn('pat@demo.example', ['platform']);
  const fields = (name: string, cloneUrl: string) =>
    new URLSearchParams({
      ...{ _csrf: pat.csrfToken, name, cloneUrl, provider: '', mainBranch: '' },
      ...{ protectedRefs: 'refs/heads/release/*', branches: '' },
    }).toString();
  const page = await pat.get('/repos');
  assert.match(
    page.text,
    /A new one may use .*(?:of trust 0, untrusted|no pool, so nothing of it runs)/,
  );
  assertGoodPage(page);
  assert.match(page.text, /Whoever can push to it runs commands on runners/);
  assert.match(page.text, /reads no secret, its builds are not signed/);
  assert.doesNotMatch((await dana.get('/repos')).text, /action="\/repos"/);
  const refused = await pat.post('/repos', fields('shop/forms', 'https://other.example/x.git'));
  assert.equal(refused.status, 409);
  assert.match(refused.text, /from these addresses alone/);
  const added = await pat.post('/repos', fields('shop/forms', 'https://git.example/forms.git'));
  assert.equal(added.status, 201);
  const own = await dana.get('/repos/shop/forms');
  assertGoodPage(own);
  assert.match(own.text, /refs\/heads\/release\/\*/);
  assert.match(own.text, /are not signed, and cannot be promoted/);
  const me = await dana.get('/me');
  assertGoodPage(me);
  assert.match(me.text, /href="\/me\/tokens"/);
  assert.match(me.text, /href="\/me\/accounts"/);
});

test('groupRequired takes a verb from everybody who is in none of its groups, the platform role too', async () => {
  const dana = await signedIn('dana@demo.example', ['developers', 'support']);
  const pat = await signedIn('pat@demo.example', ['platform']);
  assert.equal((await pat.get('/pools')).status, 200);
  groupRequired.pool = { list: ['support'], create: [] };
  const refused = await pat.get('/pools');
  assert.equal(refused.status, 403);
  assert.match(refused.text, /list of pool is for one of the groups support/);
  assert.equal((await pat.get('/api/v1/pools')).status, 403);
  assert.equal((await dana.get('/pools')).status, 200);
  const form = { _csrf: pat.csrfToken, name: 'x', version: '0', trust: '0', once: 'on' };
  const more = { isolation: 'bubblewrap', images: '', labels: '', repositories: '' };
  const fields = { ...form, ...more, concurrency: '', egress: '' };
  const made = await pat.post('/pools', new URLSearchParams(fields).toString());
  assert.equal(made.status, 403);
  assert.match(made.text, /create of pool is for nobody here/);
  delete groupRequired.pool;
});

test('each route answers 403 to exactly those whose roles it does not admit, and the table of them is known', async () => {
  const people = {
    nobody: await signedIn('n@example.com', ['guests']),
    developer: await signedIn('d@example.com', ['developers']),
    platform: await signedIn('p@example.com', ['platform']),
  };
  const matrix: Record<string, Set<string>> = {};
  const answers = routes.filter(
    // Becoming administrator is for groups and not for a role; see elevation.integration.test.ts.
    ({ name, access }) => access !== 'public' && !/^follow-|administrator|elevations$/.test(name),
  );
  for (const route of answers) {
    const { noun, action } = demandOf(route);
    const path = route.path.replaceAll(/[:*][a-z]+/g, 'zz');
    for (const [role, who] of Object.entries(people)) {
      const isAdmitted = route.access === 'signed-in' || route.access === `role:${role}`;
      const headers = {
        cookie: who.cookie,
        origin,
        'x-csrf-token': who.csrfToken,
        'content-type': 'application/json',
        'sec-fetch-site': 'same-origin',
      };
      const body = route.method === 'get' ? undefined : '{}';
      const { status } = await send(route.method.toUpperCase(), path, headers, body);
      assert.equal(status !== 403, isAdmitted, `${route.name} answers ${status} to ${role}`);
      if (status !== 403) (matrix[`${noun} ${action}`] ??= new Set()).add(role);
    }
  }
  const everybody = 'nobody, developer, platform';
  const [dev, plat] = ['developer', 'platform'];
  const found = Object.fromEntries(
    Object.entries(matrix)
      .filter(([cell]) => !cell.startsWith('installation'))
      .map(([cell, roles]): [string, string] => [cell, [...roles].join(', ')])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  assert.deepEqual(found, {
    ...{ 'account create': everybody, 'account delete': everybody },
    ...{ 'account list': everybody, 'account view': everybody, 'act list': plat },
    ...{ 'candidate list': everybody, 'candidate view': everybody },
    ...{ 'group edit': plat, 'group list': everybody },
    ...{ 'pool create': plat, 'pool edit': plat, 'pool list': everybody, 'pool view': everybody },
    ...{ 'promotion create': dev, 'promotion list': everybody, 'promotion view': everybody },
    // Developers say who sees what their groups own; all else of a repository is the platform role's.
    ...{ 'repository create': plat, 'repository edit': 'platform, developer' },
    ...{ 'repository list': everybody, 'repository view': everybody },
    // Developers say that they looked at a run; its logs are kept beyond their time by the platform role.
    ...{ 'run edit': 'platform, developer', 'run list': everybody, 'run start': dev },
    ...{ 'run stop': dev, 'run view': everybody },
    ...{ 'runner create': plat, 'runner delete': plat, 'runner edit': plat },
    ...{ 'runner list': everybody, 'runner view': everybody },
    ...{ 'schedule delete': dev, 'schedule edit': dev, 'schedule list': everybody },
    ...{ 'secret delete': plat, 'secret edit': plat },
    ...{ 'secret list': everybody, 'secret view': everybody },
    ...{ 'token create': everybody, 'token delete': everybody, 'token list': everybody },
    ...{ 'variable delete': 'developer, platform', 'variable edit': 'developer, platform' },
    ...{ 'variable list': everybody, 'webhook list': everybody },
  });
});
