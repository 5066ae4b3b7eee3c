import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { createContentStore } from '@airlock/artifacts/content-store';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { OutboxPage } from '@airlock/common/wire/outbox';
import { createLog } from '@airlock/process/log';
import { testPostgres } from '@airlock/testkit/stack';
import { createOutboxReader, createStatusStore } from '../adapters/postgres/outbox-reader.ts';
import { createPublishStore } from '../adapters/postgres/outbox-store.ts';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { createPromotionRequestStore } from '../adapters/postgres/promotion-request-store.ts';
import { createPublishPromotions } from '../app/publish-promotions.ts';
import { createEvents } from '../events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { artifact, candidate, envelope, newId } from '../testing/fixtures.ts';
import { machineClient, writeTlsFiles, type MachineClient } from '../testing/machine-client.ts';
import { startMachineServer, type MachineServer } from '@airlock/process/machine-server';
import { gateIdentity, outboxRoutes } from './outbox-api.ts';

const serverIdentity = 'airlock:nonprod:outbox';
const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

let directory: string;
let database: TestDatabase;
let server: MachineServer;
let gate: MachineClient;
let stranger: MachineClient;
let request: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-outbox-api-'));
  database = await testDatabase(await testPostgres());
  const ca = await createCertificateAuthority('gate-edge');
  const issue = (uriSan: string, usage: 'server' | 'client') =>
    issueCertificate({ ca, uriSan, dnsNames: [], ipAddresses: ['127.0.0.1'], usage, days: 1 });
  const blobs = createContentStore(join(directory, 'artifacts'));
  const reader = database.as('nonprod_outbox');
  server = await startMachineServer({
    setting: 'listener',
    listener: {
      host: '127.0.0.1',
      port: 0,
      ...(await writeTlsFiles(directory, 'server', ca, await issue(serverIdentity, 'server'))),
    },
    routes: outboxRoutes({
      outbox: createOutboxReader(reader),
      statuses: createStatusStore(reader),
      openVerified: (digest) => blobs.openVerified(digest),
    }),
    mayCall: (caller) => caller === gateIdentity,
    onRefusedCaller: () => undefined,
    log: silent,
  });
  const connect = async (name: string, file: string) =>
    machineClient(
      server.url,
      await writeTlsFiles(directory, file, ca, await issue(name, 'client')),
      serverIdentity,
    );
  gate = await connect(gateIdentity, 'gate');
  stranger = await connect('airlock:runner:r1', 'stranger');

  ({ id: request } = await createPromotionRequestStore(database.as('nonprod_web')).ask({
    id: newId('prq'),
    candidateId: await candidate(database),
    target: 'prod',
    reason: 'VAT per line',
    requester: { id: 'dana@demo.example', idp: 'https://idp.example', name: 'Dana' },
  }));
  await createPublishPromotions({
    requests: createPublishStore(database.as('nonprod_scheduler')),
    signer: {
      provenance: () => Promise.reject(new Error('not asked for')),
      testResult: () => Promise.reject(new Error('not asked for')),
      promotionRequest: (body) => Promise.resolve(envelope(JSON.stringify(body))),
    },
    blobs,
    clock: () => new Date('2026-11-22T10:00:00Z'),
    events: createEvents(silent),
  })();
});

after(async () => {
  gate.close();
  stranger.close();
  await server.close();
  await database.close();
  await rm(directory, { recursive: true });
});

test('the gate reads items and the bundle they name, byte for byte', async () => {
  const answer = await gate.call('GET', '/v1/outbox?after=0&limit=16');
  const page = OutboxPage.parse(answer.json);
  assert.equal(page.head, 1);
  const [item] = page.items;
  assert.equal(item?.id, request);
  assert.equal(item.claimedTarget, 'prod');
  const blob = await gate.call('GET', `/v1/blobs/sha256/${item.bundle.digest}`);
  assert.equal(createHash('sha256').update(blob.body).digest('hex'), item.bundle.digest);
  assert.equal(blob.body.length, item.bundle.size);
  const lines = blob.body.toString().split('\n');
  assert.equal(lines.length, 4);
  assert.equal(lines[3], '');
  const { payload } = z.object({ payload: z.string() }).parse(JSON.parse(lines[2] ?? ''));
  assert.match(Buffer.from(payload, 'base64').toString(), /VAT per line/);
});

test('only the gate may call', async () => {
  assert.equal((await stranger.call('GET', '/v1/outbox')).status, 403);
  assert.equal((await stranger.call('POST', '/v1/status', { reports: [] })).status, 403);
});

test('a blob that no item names is not given out, whether there is one or not', async () => {
  const hidden = await createContentStore(join(directory, 'artifacts')).put(
    (async function* () {
      yield await Promise.resolve(Buffer.from('a log'));
    })(),
    { maxBytes: 100 },
  );
  assert.equal((await gate.call('GET', `/v1/blobs/sha256/${hidden.digest}`)).status, 404);
  assert.equal((await gate.call('GET', `/v1/blobs/sha256/${'0'.repeat(64)}`)).status, 404);
  // Named, but its bytes are gone.
  assert.equal((await gate.call('GET', `/v1/blobs/sha256/${artifact.digest}`)).status, 404);
});

test('the listener has nothing that changes the outbox', async () => {
  assert.equal((await gate.call('POST', '/v1/outbox', {})).status, 404);
  assert.equal((await gate.call('PUT', `/v1/blobs/sha256/${artifact.digest}`)).status, 404);
});

test('what the gate reports is shown as reported', async () => {
  const report = {
    id: request,
    state: 'waiting',
    text: 'Waiting for 1 of 2 approvals.',
    codes: [],
    promotion: 'prm_0000000000',
    page: 'https://gate.example/promotions/prm_0000000000',
    at: '2026-11-22T10:01:00Z',
  };
  assert.equal((await gate.call('POST', '/v1/status', { reports: [report] })).status, 204);
  const shown = await createPageQueries(database.as('nonprod_web')).promotion(request);
  assert.equal(shown?.status?.text, 'Waiting for 1 of 2 approvals.');
  const wrong = { ...report, page: 'javascript:alert(1)' };
  assert.equal((await gate.call('POST', '/v1/status', { reports: [wrong] })).status, 400);
});

test('a limit beyond what a page holds is refused', async () => {
  for (const query of ['limit=0', 'limit=17', 'after=-1', 'after=1e3']) {
    assert.equal((await gate.call('GET', `/v1/outbox?${query}`)).status, 400, query);
  }
});
