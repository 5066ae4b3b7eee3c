/** The gate's question through both processes' doors: mutual TLS to the outbox, a unix socket from there to the web process. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { Secret } from '@airlock/common/secret';
import { SecretMarks, secretMark, secretMarksPath } from '@airlock/common/wire/secret-marks';
import { createLog } from '@airlock/process/log';
import { startMachineServer, type MachineServer } from '@airlock/process/machine-server';
import { listenOnSocket } from '@airlock/process/unix-socket';
import { testPostgres } from '@airlock/testkit/stack';
import { createMarksClient } from '../adapters/marks-client.ts';
import { createMarkSecrets } from '../app/mark-secrets.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { machineClient, writeTlsFiles, type MachineClient } from '../testing/machine-client.ts';
import { testSecrets } from '../testing/secrets.ts';
import { createMarksServer } from './marks-socket.ts';
import { gateIdentity } from './outbox-api.ts';
import { secretMarksRoutes } from './secret-marks-api.ts';

const serverIdentity = 'airlock:nonprod:outbox';
const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

let directory: string;
let socketPath: string;
let database: TestDatabase;
let it: ReturnType<typeof testSecrets>;
let web: Server;
let outbox: MachineServer;
let gate: MachineClient;
let stranger: MachineClient;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-marks-'));
  socketPath = join(directory, 'marks.sock');
  database = await testDatabase(await testPostgres());
  it = testSecrets(database);
  web = createMarksServer({ marks: createMarkSecrets(it), log: silent });
  await listenOnSocket(web, socketPath);
  const ca = await createCertificateAuthority('gate-edge');
  const issue = (uriSan: string, usage: 'server' | 'client') =>
    issueCertificate({ ca, uriSan, dnsNames: [], ipAddresses: ['127.0.0.1'], usage, days: 1 });
  outbox = await startMachineServer({
    setting: 'listener',
    listener: {
      host: '127.0.0.1',
      port: 0,
      ...(await writeTlsFiles(directory, 'server', ca, await issue(serverIdentity, 'server'))),
    },
    routes: secretMarksRoutes(createMarksClient(socketPath)),
    mayCall: (caller) => caller === gateIdentity,
    onRefusedCaller: () => undefined,
    log: silent,
  });
  const connect = async (name: string, file: string) =>
    machineClient(
      outbox.url,
      await writeTlsFiles(directory, file, ca, await issue(name, 'client')),
      serverIdentity,
    );
  gate = await connect(gateIdentity, 'gate');
  stranger = await connect('airlock:runner:r1', 'stranger');
});
after(async () => {
  gate.close();
  stranger.close();
  await outbox.close();
  web.close();
  web.closeAllConnections();
  it.remove();
  await database.close();
  await rm(directory, { recursive: true });
});

const set = (project: string, name: string, value: string) =>
  it.manage.set({
    project,
    name,
    description: '',
    kind: 'value' as const,
    filters: null,
    value: new Secret(value),
    person: 'oke',
  });

test('the gate is told a mark of every value that is kept, and of none that is erased', async () => {
  await set('shop/web', 'TOKEN', 'first value');
  await set('shop/web', 'TOKEN', 'second value');
  await set('shop/api', 'TOKEN', 'of another project\n');
  await set('shop/api', 'GONE', 'erased again');
  await it.manage.erase('shop/api', 'GONE', 'oke');
  const key = randomBytes(32);
  const answer = await gate.call('POST', secretMarksPath, { key: key.toString('hex') });
  assert.equal(answer.status, 200);
  const marks = SecretMarks.parse(answer.json).marks.map(({ secret, mark }) => [secret, mark]);
  assert.deepEqual(Object.fromEntries(marks), {
    'shop/web/TOKEN': secretMark(key, 'second value'),
    'shop/api/TOKEN': secretMark(key, 'of another project'),
  });
  const other = await gate.call('POST', secretMarksPath, { key: randomBytes(32).toString('hex') });
  const again = SecretMarks.parse(other.json).marks.map(({ mark }) => mark);
  assert.ok(!again.some((mark) => marks.some(([, before]) => before === mark)));
});

test('nobody but the gate may ask, and the socket is for the owner alone', async () => {
  const key = randomBytes(32).toString('hex');
  assert.equal((await stranger.call('POST', secretMarksPath, { key })).status, 403);
  assert.equal((await stat(socketPath)).mode & 0o777, 0o600);
});

test('where web and outbox are two users, the group is let in as well', async () => {
  const server = createMarksServer({ marks: createMarkSecrets(it), log: silent });
  const path = join(directory, 'group.sock');
  await listenOnSocket(server, path, 0o660);
  assert.equal((await stat(path)).mode & 0o777, 0o660);
  server.close();
});

test('a key that is not 32 bytes is refused', async () => {
  for (const key of ['', 'ab', 'AB'.repeat(32), 'zz'.repeat(32)]) {
    assert.equal((await gate.call('POST', secretMarksPath, { key })).status, 400, key);
  }
});

test('a value that does not open, or a web process that is gone, is no answer rather than a shorter one', async () => {
  await database.as('owner').secret.updateMany({
    where: { project: 'shop/api' },
    data: { project: 'shop/moved' },
  });
  const key = randomBytes(32).toString('hex');
  assert.equal((await gate.call('POST', secretMarksPath, { key })).status, 503);
  web.close();
  web.closeAllConnections();
  assert.equal((await gate.call('POST', secretMarksPath, { key })).status, 503);
});
