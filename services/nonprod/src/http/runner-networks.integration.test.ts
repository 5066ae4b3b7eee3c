/** A runner that may speak from its networks alone: the way of one from its token on, from 127.0.0.2 and from elsewhere. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { connect as connectPlainly } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { registerRunner } from '@airlock/cli/commands/runner';
import { runVerb } from '@airlock/cli/testing/run-verb';
import { Enrolment, joinToken } from '@airlock/common/wire/runner-enrolment';
import { startMachineServer, type MachineServer } from '@airlock/process/machine-server';
import { testPostgres } from '@airlock/testkit/stack';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { createPoolStore } from '../adapters/postgres/pool-store.ts';
import { createSightStore } from '../adapters/postgres/sight-store.ts';
import { createTokenStore } from '../adapters/postgres/token-store.ts';
import { createApiTokens } from '../app/api-tokens.ts';
import { createEvents } from '../events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId } from '../testing/fixtures.ts';
import {
  certificateRequest,
  ensurePool,
  hello,
  testFleet,
  type TestFleet,
} from '../testing/fleet.ts';
import { writeTlsFiles, type MachineClient } from '../testing/machine-client.ts';
import {
  identityOf,
  silent,
  startTestWeb,
  viewerOf,
  type Browser,
  type TestWeb,
} from '../testing/web.ts';
import { startEnrolmentServer, type EnrolmentServer } from './enrolment-server.ts';
import { apiRoutes } from './routes/api.ts';
import { runnerApiRoutes } from './routes/runners-api.ts';
import { runnerPageRoutes } from './routes/runners.tsx';
import { runnerRegistryRoutes } from './runner-registry-api.ts';

const own = '127.0.0.2';
const foreign = '127.0.0.1';

let directory: string;
let database: TestDatabase;
let fleet: TestFleet;
let server: MachineServer;
let enrolment: EnrolmentServer;
let web: TestWeb;
let pat: Browser;
const clients: MachineClient[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-networks-'));
  database = await testDatabase(await testPostgres());
  const db = database.as('nonprod_web');
  fleet = await testFleet(database, join(directory, 'edge'));
  await ensurePool(database, 'default');
  server = await startMachineServer({
    setting: 'runnerApi',
    listener: { host: '127.0.0.1', port: 0, ...fleet.server },
    routes: runnerRegistryRoutes(fleet),
    mayCall: (caller, incoming) => fleet.guard.mayCall(caller, incoming),
    onRefusedCaller: () => undefined,
    log: silent,
  });
  enrolment = await startEnrolmentServer({
    listen: { host: '127.0.0.1', port: 0 },
    ...{ certificateFile: fleet.server.certificateFile, keyFile: fleet.server.keyFile },
    ...{ enrol: fleet.enrol, log: silent },
  });
  const making = createApiTokens({
    ...{ events: createEvents(silent), newId, resolveViewer: viewerOf },
    tokens: createTokenStore(db),
    clock: () => new Date(),
  });
  const sight = createSightStore(db);
  web = await startTestWeb(
    database,
    [
      ...apiRoutes({
        ...{ queries: createPageQueries(db), sight },
        askPromotion: () => Promise.reject(new Error('no verb here asks')),
      }),
      ...runnerApiRoutes(fleet, sight),
      ...runnerPageRoutes(fleet, createPoolStore(db), sight),
    ],
    { tokens: making.door },
  );
  pat = await web.signedIn('pat', ['platform']);
  await createPersonStore(db).signedIn(identityOf('pat', ['platform']));
  const wish = { name: 'cli', scopes: ['read' as const], days: 1, networks: [] };
  const made = await making.make('pat', wish, false);
  assert.ok(made);
  process.env['AIRLOCK_NONPROD'] = web.origin;
  process.env['AIRLOCK_TOKEN'] = made.token;
});

after(async () => {
  delete process.env['AIRLOCK_NONPROD'];
  delete process.env['AIRLOCK_TOKEN'];
  for (const client of clients) client.close();
  await Promise.all([server.close(), enrolment.close(), web.close()]);
  await fleet.close();
  await database.close();
  await rm(directory, { recursive: true });
});

async function show(
  localAddress: string,
  secret: string,
  csr: string,
): Promise<{ status: number; json: unknown }> {
  const ca = await readFile(fleet.server.caFile);
  return new Promise((resolve, reject) => {
    const url = new URL('/v1/enrolments', enrolment.url);
    const options = { method: 'POST', ca, localAddress, agent: false } as const;
    const outgoing = request(url, options, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (part: string) => (text += part));
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, json: JSON.parse(text) });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(JSON.stringify({ token: secret, csr }));
  });
}

/** A call of the runner API: 204 when it was let in. */
async function callFrom(
  localAddress: string,
  files: Awaited<ReturnType<typeof writeTlsFiles>>,
): Promise<{ status: number; text: string }> {
  const client = fleet.client(server.url, files, undefined, localAddress);
  clients.push(client);
  const { status, body } = await client.call('POST', '/v1/runner/hello', hello);
  return { status, text: body.toString() };
}

test('from its token on a runner is heard from its networks alone, and who calls from elsewhere is told so', async () => {
  const fields = { pool: 'default', runner: 'fixed', networks: `${own}/32` };
  const made = await pat.post('/runners/new', fields);
  const secret = joinToken.parse(/arj1[.\w-]+/.exec(made.text)?.[0] ?? '')?.secret ?? '';
  const { csrPem, keyPem } = await certificateRequest();
  const stolen = await show(foreign, secret, csrPem);
  assert.equal(stolen.status, 401);
  assert.match(JSON.stringify(stolen.json), /is for other networks than this machine’s/);
  // The refusal has not spent it.
  const asked = await show(own, secret, csrPem);
  assert.equal(asked.status, 201);
  const { id } = Enrolment.parse(asked.json);
  assert.match((await pat.get('/runners/new')).text, /may speak from 127\.0\.0\.2\/32 alone/);
  const accepted = await fleet.enrol.accept(id, 'pat');
  assert.ok(accepted.state === 'accepted');
  const { caFile } = fleet.server;
  const files = await writeTlsFiles(
    join(directory, 'fixed'),
    'fixed',
    { certificatePem: accepted.issued.caPem, keyPem: '' },
    { certificatePem: accepted.issued.chainPem, keyPem },
  );

  assert.deepEqual(await callFrom(own, { ...files, caFile }), { status: 204, text: '' });
  for (let count = 0; count < 2; count += 1) {
    const refused = await callFrom(foreign, { ...files, caFile });
    assert.equal(refused.status, 403);
    assert.match(
      refused.text,
      /fixed may speak from 127\.0\.0\.2\/32 alone, and this call came from elsewhere/,
    );
  }
  // A copied key that is used from afar takes nothing from the runner.
  assert.equal((await callFrom(own, { ...files, caFile })).status, 204);
  const events = await fleet.runners.events('fixed', 50);
  assert.deepEqual(
    events.filter(({ kind }) => kind.endsWith('elsewhere')).map(({ text }) => text),
    [
      'A call under its certificate came from 127.0.0.1 and was refused.',
      'A token of it was refused that 127.0.0.1 showed: it is for other networks.',
    ],
  );
  const page = await pat.get('/runners/fixed');
  assert.match(page.text, /127\.0\.0\.2\/32 alone/);
  assert.match(page.text, /came from 127\.0\.0\.1 and was refused/);
  assert.ok(
    (await runVerb(registerRunner, ['runner', 'show', 'fixed'])).some((line) =>
      line.endsWith('127.0.0.2/32'),
    ),
  );
});

test('a call from elsewhere stands in the page anew after an hour', async () => {
  const at = new Date();
  const event = { runner: 'late', kind: 'elsewhere', text: 'x', person: null };
  const kept = (minutes: number): Promise<boolean> =>
    fleet.runners.recordHourly({ ...event, at: new Date(at.getTime() + minutes * 60_000) });
  assert.deepEqual([await kept(0), await kept(59), await kept(61)], [true, false, true]);
});

test('a runner that is enrolled anew without networks is heard from anywhere again', async () => {
  const bound = await fleet.enrolled('moved', 'default', 'lasting', ['10.0.0.0/8', `${own}/32`]);
  assert.equal((await callFrom(foreign, bound)).status, 403);
  assert.equal((await callFrom(own, bound)).status, 204);
  const free = await fleet.enrolled('moved');
  assert.equal((await callFrom(foreign, free)).status, 204);
});

test('the form takes a network a line, and what is none makes no token', async () => {
  const fields = { pool: 'default', runner: 'formed' };
  const made = await pat.post('/runners/new', { ...fields, networks: '10.1.0.0/16\n fd00::/8 ' });
  assert.equal(made.status, 200);
  const kept = await database.as('owner').runnerToken.findFirst({ where: { runner: 'formed' } });
  assert.deepEqual(kept?.networks, ['10.1.0.0/16', 'fd00::/8']);
  const refused = await pat.post('/runners/new', { ...fields, networks: '10.1.0.0' });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /expected a network such as 10\.1\.0\.0\/16/);
  assert.equal(await database.as('owner').runnerToken.count({ where: { runner: 'formed' } }), 1);
});

test('B12: who connects from another network than allowFrom names is cut off before TLS, at the runner API and where runners enrol', async (t) => {
  const told: unknown[] = [];
  const log = {
    ...silent,
    warn: (event: string, fields?: object) => told.push({ event, ...fields }),
  };
  const allowFrom = [`${own}/32`];
  const walled = [
    await startMachineServer({
      setting: 'runnerApi',
      listener: { host: '127.0.0.1', port: 0, ...fleet.server, allowFrom },
      routes: runnerRegistryRoutes(fleet),
      mayCall: (caller, incoming) => fleet.guard.mayCall(caller, incoming),
      onRefusedCaller: () => undefined,
      log,
    }),
    await startEnrolmentServer({
      listen: { host: '127.0.0.1', port: 0 },
      ...{ certificateFile: fleet.server.certificateFile, keyFile: fleet.server.keyFile },
      ...{ allowFrom, enrol: fleet.enrol, log },
    }),
  ];
  t.after(() => Promise.all(walled.map((each) => each.close())));
  for (const { url } of walled) {
    const port = Number(new URL(url).port);
    assert.equal(await handshake(port, own), 'TLSv1.3');
    assert.equal(await handshake(port, foreign), 'ECONNRESET');
  }
  const cut = { event: 'connection.closed', 'client.address': foreign };
  const setting = 'runnerApi.allowFrom';
  assert.deepEqual(told, [
    { ...cut, setting },
    { ...cut, setting },
  ]);
});

/** The protocol that both agree on, or the code of how it ended before. */
function handshake(port: number, localAddress: string): Promise<string | null> {
  return new Promise((resolve) => {
    // Whose certificate it shows is another test's.
    const through = connectPlainly({ host: '127.0.0.1', port, localAddress });
    const socket = connect({ socket: through, rejectUnauthorized: false });
    socket.on('secureConnect', () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
  });
}
