/** The gate's web as it runs, over a database of its own, with people who sign in. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { get } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach } from 'node:test';
import { createSamlKey } from '@airlock/cli/setup/saml-key';
import { formatId } from '@airlock/common/ids';
import { vkeyOf } from '@airlock/common/ledger/note';
import { Problem } from '@airlock/common/wire/problem';
import { createSessionStore } from '@airlock/database/session-store';
import { createBrowser, type BrowserAnswer } from '@airlock/testkit/browser';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { freePort } from '@airlock/testkit/ports';
import type { Route } from '@airlock/web/route';
import { createWebServer, type WebServer } from '@airlock/web/server';
import { csrfTokenOf, hashOf, newSecret, sessionCookie } from '@airlock/web/session';
import { readRegisteredHook } from '../adapters/files/hook-files.ts';
import { createApprovalStore } from '../adapters/postgres/approval-store.ts';
import { createAttestationStore } from '../adapters/postgres/attestation-store.ts';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createCoSignatureStore } from '../adapters/postgres/co-signature-store.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createIntakeStore } from '../adapters/postgres/intake-store.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createNewerStore } from '../adapters/postgres/newer-store.ts';
import { createObservationStore } from '../adapters/postgres/observation-store.ts';
import { newsOutbox } from '../adapters/postgres/news-outbox.ts';
import { createShadowStore } from '../adapters/postgres/shadow-store.ts';
import { createNewsChoices } from '../adapters/postgres/news-store.ts';
import { createPasskeyStore } from '../adapters/postgres/passkey-store.ts';
import { createPromotionQueries } from '../adapters/postgres/promotion-queries.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createRemarkStore } from '../adapters/postgres/remark-store.ts';
import { createReplacedDocumentStore } from '../adapters/postgres/replaced-document-store.ts';
import { createRebuildStore } from '../adapters/postgres/rebuild-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createTraceStore } from '../adapters/postgres/trace-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { createWebSessions } from '../adapters/postgres/web-sessions.ts';
import { verifyRegistration } from '../adapters/webauthn/registration.ts';
import { acceptBundle } from '../app/accept-bundle.ts';
import { createDecisions } from '../app/approve-promotion.ts';
import { followLedger } from '../app/follow-ledger.ts';
import { createEnrolment } from '../app/enrol-passkey.ts';
import { createSecurityKeyEnrolment } from '../app/enrol-security-key.ts';
import { createRemarking } from '../app/write-remark.ts';
import { createWithdrawal } from '../app/withdraw-approval.ts';
import { createVouching } from '../app/vouch-passkey.ts';
import { createPasskeyWithdrawal } from '../app/withdraw-passkey.ts';
import type { GateFiles } from '../app/configuration-ports.ts';
import { createLedgerProofs } from '../app/prove-entry.ts';
import { sequenceLedger } from '../app/sequence-ledger.ts';
import { itemOf } from '../app/vectors.fixture.ts';
import { openReturning } from '../open-returning.ts';
import { createStarting } from '../start-keeping.ts';
import { createWaivers } from '../waiver-keeping.ts';
import { createStopping } from '../stop-keeping.ts';
import { personByNameId } from '../domain/roster.ts';
import { singleFiles } from '../testing/artifact-reader.ts';
import { httpErrorOf } from './refusals.ts';
import { gateRoutes } from './routes.ts';
import {
  privateKey,
  good,
  now,
  signer,
  silent,
  files,
  mirror,
  kept,
  administrators,
  configuration,
} from './gate-web-world.fixture.ts';

/** Of the demo, as they are written; what targets pin here lies nowhere. */
const hooksDirectory = join(import.meta.dirname, '../../../../deploy/hooks');

export let gate: TestGateDatabase;
export let databases: Record<
  'intake' | 'web' | 'authority' | 'deliverer' | 'watchdog',
  GateDatabase
>;
export let directory: string;
export let server: WebServer;
export let origin: string;
/** Everything that it answers to. */
export let routes: readonly Route[];
export let clock = now;
export let promotionId: string;
export const rung: string[] = [];

/** Sets the clock that the server tells by. */
export function setClock(to: Date): void {
  clock = to;
}

/** Gives this file's tests a gate's web of their own, which starts every test with the one promotion `promotionId`. */
export function useGateWeb(): void {
  before(async () => {
    gate = await createGateDatabase();
    databases = {
      intake: openDatabase(gate.settings('gate_intake')),
      web: openDatabase(gate.settings('gate_web')),
      authority: openDatabase(gate.settings('gate_authority')),
      deliverer: openDatabase(gate.settings('gate_deliverer')),
      watchdog: openDatabase(gate.settings('gate_watchdog')),
    };
    directory = await mkdtemp(join(tmpdir(), 'airlock-gate-web-'));
    const port = await freePort();
    origin = `http://gate.localhost:${port}`;
    server = await startServer(port);
  });
  after(async () => {
    await server.close();
    for (const database of Object.values(databases)) await database.close();
    await gate.dispose();
    await rm(directory, { recursive: true });
  });
  beforeEach(async () => {
    clock = now;
    rung.length = 0;
    await gate.asOwner(
      'truncate outbox_cursor, intake_item, promotion, approval, passkey, webauthn_challenge, target_live, delivery, delivery_log, vault_session, repository_freeze cascade',
    );
    promotionId = await admit();
  });
}

export async function startServer(port: number): Promise<WebServer> {
  const key = await createSamlKey('gate');
  const [keyFile, certificateFile] = [join(directory, 'key'), join(directory, 'certificate')];
  await writeFile(keyFile, key.keyPem);
  await writeFile(certificateFile, key.certificatePem);
  const assets = ['style.css', 'live.js', 'keys.js', 'log.js', 'passkey.js', 'favicon-gate.svg'];
  const manifest = Object.fromEntries(assets.map((name) => [name, name]));
  await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest));

  const database = databases.web;
  const relyingParty = { rpId: 'gate.localhost', origin };
  const ledger = createLedgerReader(database);
  const approvals = createApprovalStore(database);
  const passkeys = createPasskeyStore(database);
  const promotions = createPromotionStore(database);
  const deliveries = createDeliveryStore(database);
  const sessions = createVaultSessionStore(database);
  const rebuilds = createRebuildStore(database);
  const queries = createPromotionQueries(database);
  const proofs = createLedgerProofs({ ledger, vkey: vkeyOf(signer.name, privateKey) });
  const readFiles = (): Promise<GateFiles> => Promise.resolve(files);
  const ceremony = {
    ...{ relyingParty, database, passkeys, recorder, files: readFiles, now: () => clock },
    randomNonce: () => randomBytes(32).toString('base64url'),
  };
  const views = {
    ...{ gate: origin, files: readFiles, promotions, approvals, passkeys, deliveries },
    ...{ sessions, queries, proofs, rebuilds, git: null, contents: null },
    locks: () => Promise.resolve(false),
    replaced: createReplacedDocumentStore(database),
    remarks: createRemarkStore(database),
    artifacts: { has: () => Promise.resolve(true) },
    configuration: () => Promise.resolve(null),
    newer: createNewerStore(database),
    observations: createObservationStore(database),
    traces: createTraceStore(database),
    ...{ stops: createStopStore(database), emergency: () => null },
  };
  const vouching = createVouching({
    ...{ ...ceremony, ...relyingParty, gate: origin, proofs },
    signatures: createCoSignatureStore(database),
  });
  routes = gateRoutes({
    askDelivery: createStarting({
      ...{ views, database, now: () => clock },
      ringDeliverer: (id) => rung.push(id),
    }),
    administrators: {
      ...{ threshold: 2, domains: 2 },
      keys: administrators.map(({ row }) => row),
    },
    registeredHook: (name) => readRegisteredHook(hooksDirectory, name),
    ...{ relyingParty, origin, nonprodOrigin: 'http://nonprod.localhost', now: () => clock },
    ...{ queries, promotions, deliveries, sessions, passkeys, proofs, ledger },
    views,
    webSessions: createWebSessions(database),
    choices: createNewsChoices(database),
    shadows: createShadowStore(database),
    evidence: {
      ...{ approvals, passkeys, ledger, rebuilds, kept },
      headsFrom: async (repository, position) =>
        (await proofs.facts()).headsFrom(repository, position),
      attestations: createAttestationStore(database),
      configurations: { envelopeOf: () => Promise.resolve(configuration.envelope) },
    },
    enrolment: createEnrolment({ ...ceremony, vouching, verify: verifyRegistration }),
    decisions: createDecisions({
      ...ceremony,
      ...{ promotions, approvals, replaced: views.replaced },
      ringDeliverer: (id) => rung.push(id),
      newApprovalId: () => formatId('apr', randomBytes(10)),
    }),
    writeRemark: createRemarking({
      ...{ database, promotions, news: newsOutbox, files: readFiles, now: () => clock },
      remarks: createRemarkStore(database),
    }),
    waivers: createWaivers({ ...ceremony, gate: origin, proofs, promotions }),
    stopping: createStopping({
      ...{ ...ceremony, passkeys, gate: origin, proofs, emergency: () => null },
      deliveries: createDeliveryStore(database),
      ...{ stops: createStopStore(database), onPlaced: ({ id }) => rung.push(id) },
      ...{ traces: createTraceStore(database), queries },
    }),
    returning: openReturning({
      ...{ database, promotions, proofs, files: readFiles, now: () => clock },
    }),
    securityKeys: createSecurityKeyEnrolment({ ...ceremony, vouching }),
    withdrawPasskey: createPasskeyWithdrawal({ ...ceremony, proofs }),
    withdraw: createWithdrawal({
      ...{ database, promotions, approvals, recorder, files: readFiles, now: () => clock },
      news: newsOutbox,
    }),
  });
  return createWebServer({
    service: 'gate',
    origin,
    listen: { host: '127.0.0.1', port },
    log: silent,
    assetsDirectory: directory,
    sessions: createSessionStore(database.pool),
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
    nav: [{ href: '/queue', label: 'Queue' }],
    build: { version: '0.0.0', commit: null, digest: null },
    footer: () => Promise.resolve([]),
    resolveViewer: ({ nameId, idp, groups }) => {
      const found = personByNameId(files.roster.roster, nameId);
      if (found === null) return Promise.resolve(null);
      const { id, name, roles } = found;
      return Promise.resolve({ id, name, roles, nameId, idp, groups });
    },
    groupForRole: (role) => role,
    translateError: httpErrorOf,
    routes,
  });
}

/** Takes the vector's bundle in, as intake would. */
export async function admit(): Promise<string> {
  const intake = createIntakeStore(databases.intake);
  await intake.polled('nonprod', { head: 1, at: now });
  const artifact = Buffer.from(good.artifact, 'base64');
  const acceptance = await acceptBundle(
    {
      ...{ gate: origin, source: 'nonprod', transactor: databases.intake, intake, recorder },
      promotions: createPromotionStore(databases.intake),
      files: () => Promise.resolve(files),
      outbox: { blob: () => Promise.resolve(chunks(Buffer.from(good.bundle, 'base64'))) },
      artifacts: {
        put: (_source, { expected }) =>
          Promise.resolve({ digest: expected ?? '', size: artifact.length }),
        has: () => Promise.resolve(false),
        openVerified: () => Promise.reject(new Error('nothing is kept')),
        remove: () => Promise.resolve(),
      },
      inspect: () => Promise.resolve(null),
      contents: singleFiles,
      room: () => Promise.resolve({ bytes: 1_000_000, bound: 'enough' }),
      mirror: () => mirror,
      maxArtifactBytes: 1_000_000,
      clock: () => now,
      random: (count) => randomBytes(count),
      ledger: followLedger({
        ledger: createLedgerReader(databases.intake),
        vkey: vkeyOf(signer.name, privateKey),
      }),
    },
    itemOf(good, { seq: 1, prevHash: '0'.repeat(64) }),
  );
  assert.equal(acceptance.outcome, 'admitted');
  await sequence();
  return acceptance.promotionId;
}

export async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

export async function sequence(): Promise<void> {
  await sequenceLedger({ sequencer: createLedgerSequencer(databases.watchdog.pool), signer });
}

export interface Visitor {
  get(path: string): Promise<BrowserAnswer>;
  post(path: string, json: unknown, headers?: Record<string, string>): Promise<BrowserAnswer>;
  submit(path: string, form: Record<string, string>): Promise<BrowserAnswer>;
  /** A download: not text. */
  bytes(path: string): Promise<Buffer>;
}

/** A signed-in browser; how people sign in is the web kit's to test. */
export async function signedIn(id: string): Promise<Visitor> {
  const sid = newSecret();
  const nameId = `${id}@idp.example`;
  await createSessionStore(databases.web.pool).createSession(hashOf(sid), {
    person: nameId,
    identity: { nameId, idp: 'https://idp.example', displayName: id, groups: ['a-group'] },
    expiresAt: new Date(Date.now() + 3_600_000),
  });
  const browser = createBrowser();
  browser.setCookie(origin, sessionCookie, sid);
  const csrf = csrfTokenOf(sid);
  return {
    get: (path) => browser.send(origin + path),
    post: (path, json, headers = { 'x-csrf-token': csrf }) =>
      browser.send(origin + path, { json, headers }),
    submit: (path, form) => browser.send(origin + path, { form: { _csrf: csrf, ...form } }),
    bytes: (path) => download(path, `${sessionCookie}=${sid}`),
  };
}

export function download(path: string, cookie: string): Promise<Buffer> {
  const { host, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { host, cookie } }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        if (incoming.statusCode === 200) resolve(Buffer.concat(chunks));
        else reject(new Error(`${path} answered ${incoming.statusCode ?? 0}`));
      });
    }).on('error', reject);
  });
}

export const json = (answer: BrowserAnswer): Record<string, unknown> =>
  JSON.parse(answer.body) as Record<string, unknown>;

export function refused(answer: BrowserAnswer, status: number, code: string, words: RegExp): void {
  assert.equal(answer.status, status, answer.body);
  const problem = Problem.parse(json(answer));
  assert.deepEqual(problem.codes, [code]);
  assert.match(problem.detail ?? '', words);
}
