import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto';
import { get } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ledgerSource } from '@airlock/cli/ledger-source';
import { createSamlKey } from '@airlock/cli/setup/saml-key';
import {
  createSoftwarePasskey,
  type AssertionOverrides,
  type SoftwarePasskey,
} from '@airlock/cli/software-passkey';
import {
  createSoftwareSecurityKey,
  type SecurityKeySignature,
  type SoftwareSecurityKey,
} from '@airlock/cli/software-security-key';
import { fetchBytes } from '@airlock/cli/web-session';
import { formatId } from '@airlock/common/ids';
import { configurationPayloadType, intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope } from '@airlock/common/dsse/sign';
import { vkeyOf } from '@airlock/common/ledger/note';
import { verifyLedger } from '@airlock/common/ledger/verify-ledger';
import { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { manifestBytes } from '@airlock/common/trust/configuration-manifest';
import { keyIdOf } from '@airlock/common/trust/signer';
import { Problem } from '@airlock/common/wire/problem';
import { createSessionStore } from '@airlock/database/session-store';
import { parseConfig } from '@airlock/process/config';
import { createLog } from '@airlock/process/log';
import { createBrowser, type BrowserAnswer } from '@airlock/testkit/browser';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { freePort } from '@airlock/testkit/ports';
import { importPinned } from '@airlock/verify/pinned';
import { linesOf } from '@airlock/verify/report';
import { verifyEvidence } from '@airlock/verify/verify-evidence';
import { createWebServer, type WebServer } from '@airlock/web/server';
import { csrfTokenOf, hashOf, newSecret, sessionCookie } from '@airlock/web/session';
import { stringify } from 'yaml';
import { createApprovalStore } from '../adapters/postgres/approval-store.ts';
import { createAttestationStore } from '../adapters/postgres/attestation-store.ts';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createIntakeStore } from '../adapters/postgres/intake-store.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createNewerStore } from '../adapters/postgres/newer-store.ts';
import { newsOutbox } from '../adapters/postgres/news-outbox.ts';
import { createShadowStore } from '../adapters/postgres/shadow-store.ts';
import { createNewsChoices } from '../adapters/postgres/news-store.ts';
import { createPasskeyStore } from '../adapters/postgres/passkey-store.ts';
import { createPromotionQueries } from '../adapters/postgres/promotion-queries.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createReplacedDocumentStore } from '../adapters/postgres/replaced-document-store.ts';
import { createRebuildStore } from '../adapters/postgres/rebuild-store.ts';
import { createStartStore } from '../adapters/postgres/start-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createTraceStore } from '../adapters/postgres/trace-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { createWebSessions } from '../adapters/postgres/web-sessions.ts';
import { verifyRegistration } from '../adapters/webauthn/registration.ts';
import { acceptBundle } from '../app/accept-bundle.ts';
import type { AttestationSigner } from '../app/attestation-ports.ts';
import { createDecisions } from '../app/approve-promotion.ts';
import { followLedger } from '../app/follow-ledger.ts';
import { createEnrolment } from '../app/enrol-passkey.ts';
import { createSecurityKeyEnrolment } from '../app/enrol-security-key.ts';
import { createWithdrawal } from '../app/withdraw-approval.ts';
import { gatherFacts } from '../app/gather-facts.ts';
import type { Mirror } from '../app/intake-ports.ts';
import { createAttester, type AttestEvent } from '../app/issue-attestations.ts';
import type { GateFiles } from '../app/configuration-ports.ts';
import type { EntryFacts } from '../app/ledger-ports.ts';
import { createLedgerProofs } from '../app/prove-entry.ts';
import { sequenceLedger } from '../app/sequence-ledger.ts';
import { built, filesOf, itemOf, mirrorOf, plannedVector, sha } from '../app/vectors.fixture.ts';
import { openReturning } from '../open-returning.ts';
import { createStarting } from '../start-keeping.ts';
import { createBreakGlass } from '../break-glass-keeping.ts';
import { createStopping } from '../stop-keeping.ts';
import { personByNameId } from '../domain/roster.ts';
import { httpErrorOf } from './refusals.ts';
import { gateRoutes } from './routes.ts';
import { singleFiles } from '../testing/artifact-reader.ts';

const good = plannedVector();
const now = new Date(good.now);
const target = good.target;
const { privateKey } = generateKeyPairSync('ed25519');
const signer = { name: 'gate.example/ledger', privateKey };
const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

function person(id: string, roles: string[]) {
  const name = id.charAt(0).toUpperCase() + id.slice(1);
  return { id, name, nameId: `${id}@idp.example`, roles, gitEmails: [`${id}@example.com`] };
}

/** dana asked for it, rita wrote some of it; both could decide about anything else. */
const rosterFile = Buffer.from(
  stringify({
    version: 1,
    people: [
      person('dana', ['developer', 'release-manager']),
      person('rita', ['developer', 'release-manager']),
      person('devi', ['developer']),
      person('leo', ['release-manager']),
      person('mira', ['release-manager']),
    ],
    commitKeys: [
      {
        ...{ key: built.key, owner: 'dana' },
        ...{ notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' },
      },
    ],
  }),
);
const policy = good.policies[target];
assert.ok(policy);
const policyFile = Buffer.from(
  stringify({
    version: 1,
    target,
    admits: [
      {
        repo: policy.repository,
        refs: ['refs/heads/main'],
        pipeline: policy.pipeline,
        releaseFile: policy.release,
        subject: policy.subjectName,
        builders: {
          id: policy.builderId,
          threshold: policy.threshold,
          images: [`sha256:${'6'.repeat(64)}`],
        },
        maxAge: '14d',
        tests: 'required',
        signedCommits: 'required',
      },
    ],
    approvals: {
      rules: [{ role: 'release-manager', count: 2 }],
      exclude: ['requester', 'authors', 'committers'],
      expires: '24h',
    },
    credentials: {
      vault: {
        jwtMount: `jwt-${target}`,
        jwtRole: 'deliver',
        reads: [{ as: 'db', kind: 'database', mount: 'database', role: 'loader' }],
        ttl: '5m',
      },
    },
    deliver: {
      hook: `load-release@sha256:${'a'.repeat(64)}`,
      timeout: '2m',
      params: {},
      egress: [{ as: 'db', kind: 'postgres', host: '127.0.0.1', port: 5432, name: 'production' }],
    },
  }),
);
const files: GateFiles = {
  ...filesOf(good),
  trustDigest: sha(JSON.stringify({ version: 1, signers: good.trust })),
  targets: new Map([
    [
      target,
      {
        policy: parseConfig(TargetPolicy, policyFile.toString(), 'target.yaml'),
        digest: sha(policyFile),
      },
    ],
  ]),
  roster: {
    roster: parseConfig(Roster, rosterFile.toString(), 'roster.yaml'),
    digest: sha(rosterFile),
  },
};

const commitOnMain = {
  authorName: 'Rita',
  authorEmail: 'rita@example.com',
  committerEmail: 'dana@example.com',
  subject: '<b>VAT</b> per \u202eline',
  committedAt: '2026-11-21T10:00:00Z',
};
const mirror: Mirror = {
  ...mirrorOf(good),
  log: ({ to }) => Promise.resolve([{ ...commitOnMain, commit: to }]),
  changedFiles: () =>
    Promise.resolve([{ path: 'migrations/0004_vat.sql', status: 'A', added: 12, removed: 0 }]),
};
const trustFile = Buffer.from(JSON.stringify({ version: 1, signers: good.trust }));
const kept = (digest: string): Promise<Buffer | null> =>
  Promise.resolve(
    [policyFile, rosterFile, trustFile, built.object].find((bytes) => sha(bytes) === digest) ??
      null,
  );
const administrators = ['ada', 'ben'].map((name) => {
  const { publicKey, privateKey: key } = generateKeyPairSync('ed25519');
  const keyid = keyIdOf(publicKey);
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return {
    row: { keyid, publicKeyPem, alg: 'ed25519' as const, adminDomain: name, name },
    signing: { keyid, privateKey: key },
  };
});
const configuration = signedManifest();
function signedManifest(): { digest: string; envelope: Buffer } {
  const payload = manifestBytes({
    version: 1,
    serial: 1,
    previous: null,
    files: {
      'roster.yaml': sha(rosterFile),
      [`targets/${target}.yaml`]: sha(policyFile),
      'trust.json': sha(trustFile),
    },
  });
  const [ada, ben] = administrators;
  assert.ok(ada && ben);
  const by = [ada.signing, ben.signing] as const;
  return {
    digest: sha(payload),
    envelope: Buffer.from(signEnvelope(configurationPayloadType, payload, by)),
  };
}
const attestationKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const attestationKeyId = keyIdOf(attestationKeys.publicKey);
const attestationSigner: AttestationSigner = {
  keyid: attestationKeyId,
  sign: (statement) =>
    Buffer.from(
      signEnvelope(intotoPayloadType, statement, [
        { keyid: attestationKeyId, privateKey: attestationKeys.privateKey },
      ]),
    ),
};

let gate: TestGateDatabase;
let databases: Record<'intake' | 'web' | 'authority' | 'deliverer' | 'watchdog', GateDatabase>;
let directory: string;
let server: WebServer;
let origin: string;
let clock = now;
let promotionId: string;
const rung: string[] = [];

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

async function startServer(port: number): Promise<WebServer> {
  const key = await createSamlKey('gate');
  const [keyFile, certificateFile] = [join(directory, 'key'), join(directory, 'certificate')];
  await writeFile(keyFile, key.keyPem);
  await writeFile(certificateFile, key.certificatePem);
  const assets = ['style.css', 'live.js', 'log.js', 'passkey.js', 'favicon-gate.svg'];
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
    artifacts: { has: () => Promise.resolve(true) },
    configuration: () => Promise.resolve(null),
    newer: createNewerStore(database),
    starts: createStartStore(database),
    ...{ stops: createStopStore(database), emergency: () => null },
  };
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
    version: '0.0.0',
    footer: () => Promise.resolve([]),
    resolveViewer: ({ nameId, idp, groups }) => {
      const found = personByNameId(files.roster.roster, nameId);
      if (found === null) return Promise.resolve(null);
      const { id, name, roles } = found;
      return Promise.resolve({ id, name, roles, nameId, idp, groups });
    },
    groupForRole: (role) => role,
    translateError: httpErrorOf,
    routes: gateRoutes({
      askDelivery: createStarting({
        ...{ views, database, now: () => clock },
        ringDeliverer: (id) => rung.push(id),
      }),
      administrators: {
        ...{ threshold: 2, domains: 2 },
        keys: administrators.map(({ row }) => row),
      },
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
      enrolment: createEnrolment({ ...ceremony, verify: verifyRegistration }),
      decisions: createDecisions({
        ...ceremony,
        ...{ promotions, approvals },
        ringDeliverer: (id) => rung.push(id),
        newApprovalId: () => formatId('apr', randomBytes(10)),
      }),
      breakGlass: createBreakGlass({ ...ceremony, gate: origin, proofs, promotions }),
      stopping: createStopping({
        ...{ ...ceremony, passkeys, gate: origin, proofs, emergency: () => null },
        deliveries: createDeliveryStore(database),
        ...{ stops: createStopStore(database), onPlaced: ({ id }) => rung.push(id) },
        ...{ traces: createTraceStore(database), queries },
      }),
      returning: openReturning({
        ...{ database, promotions, proofs, files: readFiles, now: () => clock },
      }),
      securityKeys: createSecurityKeyEnrolment(ceremony),
      withdraw: createWithdrawal({
        ...{ database, promotions, approvals, recorder, files: readFiles, now: () => clock },
        news: newsOutbox,
      }),
    }),
  });
}

beforeEach(async () => {
  clock = now;
  rung.length = 0;
  await gate.asOwner(
    'truncate outbox_cursor, intake_item, promotion, approval, passkey, webauthn_challenge, target_live, delivery, delivery_log, vault_session, repository_freeze cascade',
  );
  promotionId = await admit();
});

/** Takes the vector's bundle in, as intake would. */
async function admit(): Promise<string> {
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

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function sequence(): Promise<void> {
  await sequenceLedger({ sequencer: createLedgerSequencer(databases.watchdog.pool), signer });
}

interface Visitor {
  get(path: string): Promise<BrowserAnswer>;
  post(path: string, json: unknown, headers?: Record<string, string>): Promise<BrowserAnswer>;
  submit(path: string, form: Record<string, string>): Promise<BrowserAnswer>;
  /** A download: not text. */
  bytes(path: string): Promise<Buffer>;
}

/** A signed-in browser; how people sign in is the web kit's to test. */
async function signedIn(id: string): Promise<Visitor> {
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

function download(path: string, cookie: string): Promise<Buffer> {
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

const json = (answer: BrowserAnswer): Record<string, unknown> =>
  JSON.parse(answer.body) as Record<string, unknown>;

function refused(answer: BrowserAnswer, status: number, code: string, words: RegExp): void {
  assert.equal(answer.status, status, answer.body);
  const problem = Problem.parse(json(answer));
  assert.deepEqual(problem.codes, [code]);
  assert.match(problem.detail ?? '', words);
}

interface Ceremony {
  options: { challenge: string; allowCredentials: { id: string }[] };
  nonce: string;
  statement: string;
  promotionDigest: string;
}

async function enrol(visitor: Visitor): Promise<SoftwarePasskey> {
  const begun = json(await visitor.post('/api/v1/me/passkeys/options', {})) as {
    challenge: string;
  };
  const passkey = createSoftwarePasskey({ rpId: 'gate.localhost', origin });
  const answer = passkey.register(begun.challenge);
  const done = await visitor.post('/api/v1/me/passkeys', {
    ...begun,
    label: 'a key',
    answer,
    ...only,
  });
  assert.equal(done.status, 201, done.body);
  await sequence();
  return passkey;
}
/** The options came along in `begun`; the server takes what it asks for and nothing else. */
const only = { options: undefined };

const decisions = (id = promotionId): string => `/api/v1/promotions/${id}/decisions`;

async function begin(visitor: Visitor, id = promotionId): Promise<Ceremony> {
  const answer = await visitor.post(`${decisions(id)}/options`, {});
  assert.equal(answer.status, 200, answer.body);
  // The server's own form, which the assertions below look into.
  return json(answer) as unknown as Ceremony;
}

async function approve(
  visitor: Visitor,
  passkey: SoftwarePasskey,
  overrides: AssertionOverrides = {},
): Promise<BrowserAnswer> {
  const { options, nonce } = await begin(visitor);
  const answer = passkey.assert(options.challenge, overrides);
  return visitor.post(decisions(), { nonce, note: 'looked at it', answer });
}

async function approvedBy(id: string): Promise<{ visitor: Visitor; passkey: SoftwarePasskey }> {
  const visitor = await signedIn(id);
  const passkey = await enrol(visitor);
  const answer = await approve(visitor, passkey);
  assert.equal(answer.status, 201, answer.body);
  await sequence();
  return { visitor, passkey };
}

async function have(): Promise<number> {
  const view = json(await (await signedIn('mira')).get(`/api/v1/promotions/${promotionId}`));
  return (view['approvals'] as { have: number }).have;
}

test('an enrolled passkey approves what the page showed, and the deliverer is rung', async () => {
  const leo = await signedIn('leo');
  const passkey = await enrol(leo);
  const ceremony = await begin(leo);
  const view = json(await leo.get(`/api/v1/promotions/${promotionId}`));
  assert.equal(ceremony.promotionDigest, view['promotionDigest']);
  assert.match(ceremony.statement, new RegExp(ceremony.promotionDigest));
  assert.deepEqual(
    ceremony.options.allowCredentials.map(({ id }) => id),
    [passkey.credentialId],
  );
  const answer = await leo.post(decisions(), {
    nonce: ceremony.nonce,
    note: '',
    answer: passkey.assert(ceremony.options.challenge),
  });
  assert.equal(answer.status, 201, answer.body);
  assert.deepEqual({ ...json(answer), approvalId: null }, { approvalId: null, have: 1, need: 2 });
  assert.deepEqual(rung, [promotionId]);
  assert.equal(await have(), 1);
});

test('a freeze placed on the page of controls is what the promotion waits for, and who may not stop is told why', async () => {
  const leo = await signedIn('leo');
  const devi = await signedIn('devi');
  const form = { kind: 'freeze', target, hours: '', reason: 'checkout <is> down' };
  assert.equal((await devi.submit('/controls', form)).status, 403);
  assert.equal((await leo.submit('/controls', form)).status, 303);
  const view = json(await leo.get(`/api/v1/promotions/${promotionId}`));
  assert.ok((view['verdict'] as { codes: string[] }).codes.includes('E_STOPPED'));
  const page = (await leo.get('/controls')).body;
  assert.match(page, /checkout &lt;is> down|checkout &lt;is&gt; down/);
  assert.match(page, /Start again: 0 of 2 signed/);
  // The ledger outlives the tests' tables: it is lifted, so that the next one finds nothing stopped.
  const { stops } = json(await leo.get('/api/v1/stops')) as { stops: { id: string }[] };
  await sequence();
  const path = `/api/v1/stops/${stops[0]?.id ?? ''}/lift`;
  for (const id of ['leo', 'mira']) {
    const visitor = await signedIn(id);
    const passkey = await enrol(visitor);
    const { options, nonce } = json(
      await visitor.post(`${path}/options`, {}),
    ) as unknown as Ceremony;
    const answer = await visitor.post(path, {
      ...{ nonce, note: '', answer: passkey.assert(options.challenge) },
    });
    assert.equal(answer.status, 201, answer.body);
    assert.deepEqual(json(answer), { have: id === 'leo' ? 1 : 2, need: 2 });
  }
  await databases.authority.transaction(async (tx) => {
    const proofs = await gate.asOwner('select id, digest from stop');
    for (const { id, digest } of proofs) {
      await recorder.record(tx, {
        ...{ type: 'stop.lifted', at: clock, actor: 'authority', subjectDigest: String(digest) },
        refs: { stop: String(id), people: 'leo mira' },
      });
    }
  });
  await sequence();
  const after = json(await leo.get(`/api/v1/promotions/${promotionId}`));
  assert.ok(!(after['verdict'] as { codes: string[] }).codes.includes('E_STOPPED'));
});

test('the blast radius of a commit lists the promotion, and one by anybody else nothing', async () => {
  const mira = await signedIn('mira');
  const { commit } = json(await mira.get(`/api/v1/promotions/${promotionId}`));
  const path = (matter: string) =>
    `/api/v1/blast-radius?matter=${encodeURIComponent(matter)}&since=30d`;
  const answer = json(await mira.get(path(`commit:${String(commit)}`)));
  const touched = answer['touched'] as { promotion: string; advice: string; live: boolean }[];
  assert.deepEqual(
    touched.map(({ promotion, advice, live }) => ({ promotion, advice, live })),
    [{ promotion: promotionId, advice: 'quarantine', live: false }],
  );
  assert.deepEqual(json(await mira.get(path('key:nobody')))['touched'], []);
  const malformed = await mira.get(path('commit:4f0a'));
  assert.equal(malformed.status, 400);
  assert.match(malformed.body, /full id of a commit, 40 hexadecimal digits/);
  const page = await mira.get(`/blast-radius?kind=commit&value=${String(commit)}&since=&until=`);
  assert.match(page.body, /it is the release of this commit/);
  assert.match(page.body, /Not live, and on its way/);
  assert.match((await mira.get('/blast-radius')).body, /What turned out to be bad\?/);
});

test('two different people are enough, and the verdict says so', async () => {
  await approvedBy('leo');
  const { visitor } = await approvedBy('mira');
  const view = json(await visitor.get(`/api/v1/promotions/${promotionId}`));
  assert.deepEqual((view['verdict'] as { codes: string[] }).codes, []);
});

test('each check has a page of its own, for who is signed in, and an unknown one is named as that', async () => {
  const { visitor } = await approvedBy('leo');
  const page = await visitor.get(`/promotions/${promotionId}/checks/approvals`);
  assert.equal(page.status, 200, page.body);
  assert.match(page.body, /1 of 2 approvals are there; .*Mira can give the missing one/);
  assert.match(page.body, /E_APPROVALS_MISSING/);
  assert.match(page.body, /2 of release manager/);
  const unknown = await visitor.get(`/promotions/${promotionId}/checks/luck`);
  assert.equal(unknown.status, 404);
  assert.match(unknown.body, /Checks are approvals, signature, main/);
  assert.equal((await visitor.get('/promotions/prm_0123456789/checks/main')).status, 404);
});

test('a target says who may what, and who together could change production', async () => {
  const visitor = await signedIn('mira');
  const page = await visitor.get(`/targets/${target}/access`);
  assert.equal(page.status, 200, page.body);
  assert.match(page.body, /Approve as release manager: 2 of 4/);
  assert.match(page.body, /any 2 of Dana, Rita, Leo, Mira/);
  const access = json(await visitor.get(`/api/v1/targets/${target}/access`));
  const ways = access['ways'] as { id: string; smallest: number }[];
  assert.equal(ways.find(({ id }) => id === 'within-rules')?.smallest, 2);
  assert.equal(ways.find(({ id }) => id === 'configuration')?.smallest, 2);
  assert.equal((await visitor.get('/targets/prod-mars/access')).status, 404);
});

describe('an approval is refused, by name,', () => {
  let leo: Visitor;
  let passkey: SoftwarePasskey;
  beforeEach(async () => {
    leo = await signedIn('leo');
    passkey = await enrol(leo);
  });

  test('when the passkey signed on another site', async () => {
    const answer = await approve(leo, passkey, { origin: 'https://gate.localhost.evil.example' });
    refused(answer, 403, 'passkey-refused', /E_WEBAUTHN_ORIGIN/);
    assert.equal(await have(), 0);
  });

  test('when nobody gave a PIN or a finger', async () => {
    refused(
      await approve(leo, passkey, { userVerified: false }),
      403,
      'passkey-refused',
      /E_WEBAUTHN_UV/,
    );
  });

  test('when the counter did not grow', async () => {
    refused(
      await approve(leo, passkey, { counter: 1 }),
      403,
      'passkey-refused',
      /E_WEBAUTHN_COUNTER/,
    );
  });

  test('when the ceremony is used a second time', async () => {
    const { options, nonce } = await begin(leo);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    assert.equal((await leo.post(decisions(), body)).status, 201);
    refused(await leo.post(decisions(), body), 409, 'ceremony-expired', /used before/);
  });

  test('when it took longer than five minutes', async () => {
    const { options, nonce } = await begin(leo);
    clock = new Date(now.getTime() + 5 * 60_000);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(await leo.post(decisions(), body), 409, 'ceremony-expired', /five minutes/);
  });

  test('when the statement is of another promotion', async () => {
    const other = await copyPromotion();
    const [here, there] = [await begin(leo), await begin(leo, other)];
    refused(
      await leo.post(decisions(), {
        nonce: there.nonce,
        note: '',
        answer: passkey.assert(there.options.challenge),
      }),
      409,
      'ceremony-expired',
      /something else/,
    );
    refused(
      await leo.post(decisions(), {
        nonce: here.nonce,
        note: '',
        answer: passkey.assert(there.options.challenge),
      }),
      403,
      'passkey-refused',
      /E_WEBAUTHN_CHALLENGE/,
    );
  });

  test('when the ceremony was begun by somebody else', async () => {
    const mira = await signedIn('mira');
    await enrol(mira);
    const { options, nonce } = await begin(mira);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(await leo.post(decisions(), body), 409, 'ceremony-expired', /something else/);
  });

  test("when the passkey is another person's", async () => {
    const mira = await signedIn('mira');
    await enrol(mira);
    const { options, nonce } = await begin(mira);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(await mira.post(decisions(), body), 403, 'passkey-unknown', /not one of yours/);
  });

  test('when the passkey was enrolled at another address of the gate', async () => {
    const { options, nonce } = await begin(leo);
    await gate.asOwner(
      "update passkey set origin = 'https://gate.before.example' where person = 'leo'",
    );
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(
      await leo.post(decisions(), body),
      403,
      'passkey-unknown',
      /gate\.before\.example.*add a new one/,
    );
    refused(await leo.post(`${decisions()}/options`, {}), 409, 'passkey-missing', /add one/);
  });

  test('when the same person approved before', async () => {
    const first = await begin(leo);
    const second = await begin(leo);
    const answer = (ceremony: Ceremony) => ({
      nonce: ceremony.nonce,
      note: '',
      answer: passkey.assert(ceremony.options.challenge),
    });
    assert.equal((await leo.post(decisions(), answer(first))).status, 201);
    refused(await leo.post(decisions(), answer(second)), 409, 'already-decided', /You decided/);
    refused(await leo.post(`${decisions()}/options`, {}), 409, 'already-decided', /You decided/);
  });

  test('when the promotion changed after the page was read', async () => {
    const { options, nonce } = await begin(leo);
    await gate.asOwner('update promotion set promotion_digest = $1, version = version + 1', [
      'e'.repeat(64),
    ]);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    refused(await leo.post(decisions(), body), 412, 'promotion-changed', /reload the page/);
  });

  test('when it has expired', async () => {
    clock = new Date(now.getTime() + 24 * 3_600_000);
    refused(await leo.post(`${decisions()}/options`, {}), 409, 'E_NOT_WAITING', /expired/);
  });

  test('without the token of the session, or from another site', async () => {
    const { options, nonce } = await begin(leo);
    const body = { nonce, note: '', answer: passkey.assert(options.challenge) };
    const forgeries: Record<string, string>[] = [
      {},
      { 'x-csrf-token': 'forged' },
      { 'x-csrf-token': 'x', 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of forgeries) {
      const answer = await leo.post(decisions(), body, headers);
      assert.equal(answer.status, 403);
      assert.equal(json(answer)['code'], 'csrf-refused');
    }
    assert.equal(await have(), 0);
  });

  test('when nobody is signed in', async () => {
    const answer = await createBrowser().send(`${origin}${decisions()}/options`, {
      json: {},
      headers: { accept: 'application/json' },
    });
    assert.equal(answer.status, 401);
  });

  test('when a program asks with a token, in a header or in the place of the cookie', async () => {
    const paths = ['/options', '', '/ssh'].map((rest) => `${decisions()}${rest}`);
    for (const path of [...paths, `/api/v1/promotions/${promotionId}/withdrawal`]) {
      for (const headers of [
        { authorization: 'Bearer airlock_token_of_nonprod' },
        { cookie: `${sessionCookie}=airlock_token_of_nonprod` },
      ]) {
        const answer = await createBrowser().send(origin + path, {
          json: {},
          headers: { accept: 'application/json', ...headers },
        });
        assert.equal(answer.status, 401, path);
      }
    }
  });

  test('when the session is a decider’s and nobody has a key at hand', async () => {
    const mira = await signedIn('mira');
    refused(await mira.post(`${decisions()}/options`, {}), 409, 'passkey-missing', /no passkey/);
    const { nonce } = await begin(leo);
    const body = { nonce, note: '', answer: passkey.assert('AAAA') };
    refused(await mira.post(decisions(), body), 409, 'ceremony-expired', /something else/);
  });
});

describe('somebody is told before any ceremony', () => {
  for (const [who, code, words] of [
    ['dana', 'requester-never-counts', /You asked for this/],
    ['rita', 'author-never-counts', /You wrote or committed/],
    ['devi', 'role-missing', /takes the role release-manager/],
    ['leo', 'passkey-missing', /no passkey/],
  ] as const) {
    test(`that they cannot approve: ${code}`, async () => {
      const answer = await (await signedIn(who)).post(`${decisions()}/options`, {});
      refused(answer, who === 'leo' ? 409 : 403, code, words);
    });
  }

  test('that only whoever decides something has passkeys here', async () => {
    const answer = await (await signedIn('devi')).post('/api/v1/me/passkeys/options', {});
    refused(answer, 403, 'role-missing', /release-manager or security or platform/);
    assert.deepEqual(json(answer)['needs'], [{ group: 'release-manager, security, platform' }]);
  });
});

describe('a passkey is not enrolled', () => {
  async function attempt(
    passkey: SoftwarePasskey,
    challenge?: string,
  ): Promise<{ visitor: Visitor; answer: BrowserAnswer }> {
    const visitor = await signedIn('leo');
    const begun = json(await visitor.post('/api/v1/me/passkeys/options', {})) as {
      challenge: string;
    };
    const answer = await visitor.post('/api/v1/me/passkeys', {
      challenge: begun.challenge,
      label: 'a key',
      answer: passkey.register(challenge ?? begun.challenge),
    });
    return { visitor, answer };
  }

  test('from another origin, though it is of this host', async () => {
    const other = createSoftwarePasskey({
      rpId: 'gate.localhost',
      origin: 'http://gate.localhost',
    });
    refused((await attempt(other)).answer, 403, 'passkey-refused', /origin/);
  });

  test('for another relying party', async () => {
    const other = createSoftwarePasskey({ rpId: 'localhost', origin });
    refused((await attempt(other)).answer, 403, 'passkey-refused', /RP ID/i);
  });

  test('over another challenge', async () => {
    const own = createSoftwarePasskey({ rpId: 'gate.localhost', origin });
    refused((await attempt(own, 'another')).answer, 403, 'passkey-refused', /challenge/);
  });

  test('twice', async () => {
    const own = createSoftwarePasskey({ rpId: 'gate.localhost', origin });
    assert.equal((await attempt(own)).answer.status, 201);
    refused((await attempt(own)).answer, 403, 'passkey-refused', /enrolled already/);
  });
});

const enrolmentPath = '/api/v1/me/security-keys';
const decideBySsh = () => `${decisions()}/ssh`;

async function enrolling(
  visitor: Visitor,
  key: SoftwareSecurityKey,
  changes: Partial<SecurityKeySignature> & { publicKey?: string } = {},
): Promise<BrowserAnswer> {
  const begun = json(await visitor.post(`${enrolmentPath}/options`, {})) as {
    challenge: string;
    text: string;
  };
  const { publicKey = key.publicKey, ...signing } = changes;
  const message = Buffer.from(begun.text);
  return visitor.post(enrolmentPath, {
    challenge: begun.challenge,
    label: 'a key on my ring',
    publicKey,
    signature: key.sign({ namespace: 'airlock-enrolment@v1', message, ...signing }),
  });
}

async function holder(id: string): Promise<{ visitor: Visitor; key: SoftwareSecurityKey }> {
  const visitor = await signedIn(id);
  const key = createSoftwareSecurityKey();
  const answer = await enrolling(visitor, key);
  assert.equal(answer.status, 201, answer.body);
  await sequence();
  return { visitor, key };
}

async function approveBySsh(
  visitor: Visitor,
  key: SoftwareSecurityKey,
  changes: Partial<SecurityKeySignature> = {},
): Promise<BrowserAnswer> {
  const { nonce, statement } = await begin(visitor);
  const message = Buffer.from(statement);
  const signature = key.sign({ namespace: 'airlock-approval@v1', message, ...changes });
  return visitor.post(decideBySsh(), { nonce, note: '', signature });
}

describe('a security key of OpenSSH', () => {
  test('approves what a passkey approves, counts as the one vote of its person, and is kept verbatim', async () => {
    const { visitor: leo, key } = await holder('leo');
    const { nonce, statement } = await begin(leo);
    const message = Buffer.from(statement);
    const signature = key.sign({ namespace: 'airlock-approval@v1', message });
    const answer = await leo.post(decideBySsh(), { nonce, note: '', signature });
    assert.equal(answer.status, 201, answer.body);
    assert.equal(await have(), 1);
    const [row] = await gate.asOwner(
      "select convert_from(statement, 'UTF8') as statement, signature from approval",
    );
    assert.deepEqual(row, { statement, signature });
    const passkey = await enrol(leo);
    const again = await leo.post(`${decisions()}/options`, {});
    refused(again, 409, 'already-decided', /You decided/);
    assert.ok(passkey.credentialId !== '');
  });

  test('with a passkey of another person is enough', async () => {
    const { visitor, key } = await holder('leo');
    assert.equal((await approveBySsh(visitor, key)).status, 201);
    const { visitor: mira } = await approvedBy('mira');
    const view = json(await mira.get(`/api/v1/promotions/${promotionId}`));
    assert.deepEqual((view['verdict'] as { codes: string[] }).codes, []);
  });

  test('is refused without touch, without PIN, for another purpose and when it does not count on', async () => {
    const { visitor, key } = await holder('leo');
    const attempts: [Partial<SecurityKeySignature>, RegExp][] = [
      [{ flags: 0x04 }, /E_WEBAUTHN_UP/],
      [{ flags: 0x01 }, /E_WEBAUTHN_UV/],
      [{ namespace: 'git' }, /E_SSH_SIGNATURE/],
      [{ counter: 1 }, /E_WEBAUTHN_COUNTER/],
      [{ message: Buffer.from('something else') }, /E_WEBAUTHN_SIG/],
    ];
    for (const [changes, words] of attempts) {
      refused(await approveBySsh(visitor, key, changes), 403, 'passkey-refused', words);
    }
    assert.equal(await have(), 0);
  });

  test('of somebody else, or of nobody, approves nothing', async () => {
    const { key } = await holder('leo');
    const { visitor: mira } = await holder('mira');
    refused(await approveBySsh(mira, key), 403, 'passkey-unknown', /not one of yours/);
    const stranger = createSoftwareSecurityKey();
    refused(await approveBySsh(mira, stranger), 403, 'passkey-unknown', /not one of yours/);
    const { nonce } = await begin(mira);
    const body = { nonce, note: '', signature: 'no armour' };
    refused(
      await mira.post(decideBySsh(), body),
      403,
      'passkey-refused',
      /no signature of ssh-key/,
    );
  });

  test('is not enrolled when it lies in a file, is not held, or asks for nothing', async () => {
    const leo = await signedIn('leo');
    const key = createSoftwareSecurityKey();
    const inFile = `ssh-ed25519 ${Buffer.from('key').toString('base64')}`;
    const file = await enrolling(leo, key, { publicKey: inFile });
    refused(file, 403, 'passkey-refused', /whoever reads a key file could approve/);
    const other = await enrolling(leo, key, { publicKey: createSoftwareSecurityKey().publicKey });
    refused(other, 403, 'passkey-refused', /signed by another key/);
    refused(await enrolling(leo, key, { flags: 1 }), 403, 'passkey-refused', /verify-required/);
    const old = await enrolling(leo, key, { message: Buffer.from('another challenge') });
    refused(old, 403, 'passkey-refused', /does not verify/);
    const kept = await gate.asOwner('select 1 from passkey');
    assert.deepEqual(kept, []);
  });

  test('is enrolled and approves over the pages too, by copying to and from a terminal', async () => {
    const leo = await signedIn('leo');
    const key = createSoftwareSecurityKey('ecdsa');
    const hidden = (page: BrowserAnswer, name: string): string =>
      new RegExp(`name="${name}" value="([^"]+)"`).exec(page.body)?.[1] ?? '';
    const toSign = (page: BrowserAnswer): Buffer =>
      Buffer.from(/echo ([A-Za-z0-9+/=]+) \|/.exec(page.body)?.[1] ?? '', 'base64');
    const crlf = (text: string): string => text.replaceAll('\n', '\r\n');
    const enrolPage = await leo.submit('/me/security-key', {});
    const namespace = 'airlock-enrolment@v1';
    const enrolled = await leo.submit('/me/security-keys', {
      challenge: hidden(enrolPage, 'challenge'),
      label: 'ring',
      publicKey: key.publicKey,
      signature: crlf(key.sign({ namespace, message: toSign(enrolPage) })),
    });
    assert.equal(enrolled.status, 303, enrolled.body);
    await sequence();
    const page = await leo.submit(`/promotions/${promotionId}/ssh`, {});
    assert.equal(page.status, 200, page.body);
    const approved = await leo.submit(`/promotions/${promotionId}/ssh/approve`, {
      nonce: hidden(page, 'nonce'),
      note: '',
      signature: crlf(key.sign({ namespace: 'airlock-approval@v1', message: toSign(page) })),
    });
    assert.equal(approved.status, 303, approved.body);
    assert.equal(await have(), 1);
  });

  test('signs the digest of the document that is served', async () => {
    const { visitor } = await holder('leo');
    const { promotionDigest } = await begin(visitor);
    const document = await visitor.bytes(`/promotions/${promotionId}/document.json`);
    assert.equal(sha(document), promotionDigest);
  });
});

describe('withdrawing', () => {
  const withdrawal = () => `/api/v1/promotions/${promotionId}/withdrawal`;

  test('takes a session and no passkey, stands in the ledger, and leaves one approval fewer', async () => {
    const { visitor: leo } = await approvedBy('leo');
    await approvedBy('mira');
    assert.equal(await have(), 2);
    const answer = await leo.submit(`/promotions/${promotionId}/withdraw`, { reason: 'too late' });
    assert.equal(answer.status, 303, answer.body);
    assert.equal(await have(), 1);
    await sequence();
    const [row] = await gate.asOwner(
      "select convert_from(body, 'UTF8')::jsonb as body from ledger_entry where type = 'approval.withdrawn' order by idx desc limit 1",
    );
    const [kept] = await gate.asOwner(
      "select id, encode(sha256(statement), 'hex') as statement from approval where person = 'leo'",
    );
    const told = await gate.asOwner(
      "select title, lines, actor from notification where type = 'promotion.withdrawn'",
    );
    assert.equal(told.length, 1);
    assert.match(String(told[0]?.['title']), /^Leo withdrew the approval of /);
    assert.deepEqual(told[0]?.['lines'], ['too late']);
    assert.equal(told[0]['actor'], 'leo');
    const { actor, refs } = row?.['body'] as { actor: string; refs: Record<string, string> };
    assert.equal(actor, 'person:leo');
    assert.deepEqual(refs, {
      promotion: promotionId,
      approval: kept?.['id'],
      statement: kept?.['statement'],
    });
  });

  test('shows what was approved struck out, with the reason', async () => {
    const { visitor } = await approvedBy('leo');
    await visitor.submit(`/promotions/${promotionId}/withdraw`, { reason: 'the <b>index</b>' });
    const page = await visitor.get(`/promotions/${promotionId}`);
    assert.match(
      page.body,
      /<s>approved [^<]*<\/s> \(withdrawn [^<]*: “the &lt;b>index&lt;\/b>”\)/,
    );
  });

  test('can be followed by another approval of the same person, which counts', async () => {
    const { visitor, passkey } = await approvedBy('leo');
    assert.equal((await visitor.post(withdrawal(), { reason: '' })).status, 201);
    assert.equal(await have(), 0);
    assert.equal((await approve(visitor, passkey)).status, 201);
    assert.equal(await have(), 1);
  });

  test("takes back nobody else's approval, and none twice", async () => {
    const { visitor: leo } = await approvedBy('leo');
    const nothing = /No approval of yours/;
    const mira = await signedIn('mira');
    refused(await mira.post(withdrawal(), { reason: '' }), 409, 'nothing-to-withdraw', nothing);
    assert.equal((await leo.post(withdrawal(), { reason: '' })).status, 201);
    refused(await leo.post(withdrawal(), { reason: '' }), 409, 'nothing-to-withdraw', nothing);
  });

  test('is over once the delivery has begun', async () => {
    const { visitor: leo } = await approvedBy('leo');
    await gate.asOwner("update promotion set state = 'delivering'");
    refused(
      await leo.post(withdrawal(), { reason: '' }),
      409,
      'E_NOT_WAITING',
      /until the delivery/,
    );
  });

  test('holds by the ledger when the row is deleted', async () => {
    const { visitor: leo } = await approvedBy('leo');
    await leo.post(withdrawal(), { reason: '' });
    await sequence();
    await gate.asOwner('truncate approval_withdrawal');
    assert.equal(await have(), 0);
  });

  test('is a row that not even web may change or delete', async () => {
    const { visitor: leo } = await approvedBy('leo');
    await leo.post(withdrawal(), { reason: '' });
    for (const sql of [
      'delete from approval_withdrawal',
      "update approval_withdrawal set approval_id = 'apr_0'",
    ]) {
      await assert.rejects(databases.web.pool.query(sql), { code: '42501' });
      await assert.rejects(gate.asOwner(sql), /given anew/);
    }
  });
});

describe('rejecting', () => {
  test('takes a reason and no passkey, and ends the promotion', async () => {
    const mira = await signedIn('mira');
    const reject = { reason: 'the migration locks orders', version: '1' };
    const answer = await mira.submit(`/promotions/${promotionId}/reject`, reject);
    assert.equal(answer.status, 303, answer.body);
    const view = json(await mira.get(`/api/v1/promotions/${promotionId}`));
    assert.equal(view['state'], 'rejected');
    assert.match((view['verdict'] as { text: string }).text, /the migration locks orders/);
  });

  test('is open to an author, who may always say no', async () => {
    const rita = await signedIn('rita');
    const reject = { reason: 'not ready', version: '1' };
    assert.equal((await rita.submit(`/promotions/${promotionId}/reject`, reject)).status, 303);
  });

  test('is refused without a reason, without the role, and from a stale page', async () => {
    const path = `/promotions/${promotionId}/reject`;
    const status = async (who: string, form: Record<string, string>): Promise<number> =>
      (await (await signedIn(who)).submit(path, form)).status;
    assert.equal(await status('mira', { reason: ' ', version: '1' }), 400);
    assert.equal(await status('devi', { reason: 'no', version: '1' }), 403);
    assert.equal(await status('mira', { reason: 'no', version: '0' }), 412);
    const view = json(await (await signedIn('mira')).get(`/api/v1/promotions/${promotionId}`));
    assert.equal(view['state'], 'waiting');
  });
});

/** A second promotion of the same release, as a request that came later. */
async function copyPromotion(): Promise<string> {
  const id = formatId('prm', randomBytes(10));
  await gate.asOwner(
    `insert into promotion select (jsonb_populate_record(p, $1::jsonb)).* from promotion p where id = $2`,
    [
      JSON.stringify({
        id,
        bundle_digest: 'b'.repeat(64),
        envelope_digest: 'c'.repeat(64),
        promotion_digest: 'd'.repeat(64),
      }),
      promotionId,
    ],
  );
  return id;
}

/** The authority's loop, once, with the mirror that the vector implies; `later` are the files once it has judged. */
async function attest(later: GateFiles = files): Promise<AttestEvent[]> {
  const database = databases.authority;
  const events: AttestEvent[] = [];
  const ledger = createLedgerReader(database);
  const promotions = createPromotionStore(database);
  const deliveries = createDeliveryStore(database);
  const sessions = createVaultSessionStore(database);
  const approvals = createApprovalStore(database);
  const passkeys = createPasskeyStore(database);
  const proofs = createLedgerProofs({ ledger, vkey: vkeyOf(signer.name, privateKey) });
  const sources = { promotions, deliveries, sessions, approvals, passkeys, proofs };
  const policy = files.targets.get(target)?.policy;
  assert.ok(policy);
  const attester = createAttester({
    ...{ gate: origin, version: '0.1.0', transactor: database, recorder, promotions },
    attestations: createAttestationStore(database),
    rebuilds: createRebuildStore(database),
    files: () => Promise.resolve(later),
    judge: ({ promotionId: id, now: asked }) =>
      gatherFacts(
        {
          ...{ ...sources, gate: origin, files: () => Promise.resolve(files) },
          configuration: () => Promise.resolve(null),
          rebuilds: createRebuildStore(database),
          starts: createStartStore(database),
          ...{ stops: createStopStore(database), emergency: () => null },
          locks: () => Promise.resolve(false),
          artifacts: { has: () => Promise.resolve(true) },
          ...{ git: () => mirror, contents: singleFiles },
        },
        { promotionId: id, now: asked, own: null },
      ),
    deliveries: {
      ...sources,
      keptPolicy: () => Promise.resolve({ policy, roster: files.roster.roster }),
    },
    signer: attestationSigner,
    onEvent: (event) => events.push(event),
    clock: () => clock,
  });
  await attester.pass();
  await sequence();
  return events;
}

/** What deliverer and watchdog leave behind of a delivery that went well. */
async function delivered(): Promise<string> {
  const database = databases.deliverer;
  const deliveries = createDeliveryStore(database);
  const sessions = createVaultSessionStore(database);
  const promotions = createPromotionStore(database);
  const promotion = await promotions.find(promotionId);
  assert.ok(promotion);
  const id = formatId('dlv', randomBytes(10));
  const session = { id: formatId('vse', randomBytes(10)), fence: 1 };
  const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
  const record = (
    type: EntryFacts['type'],
    seconds: number,
    refs: Record<string, string>,
    actor = 'deliverer',
  ): EntryFacts => ({
    ...{ type, at: at(seconds), actor, subjectDigest: promotion.promotionDigest },
    refs: { delivery: id, promotion: promotionId, target, ...refs },
  });
  await databases.intake.transaction((tx) =>
    recorder.record(tx, {
      ...{ type: 'configuration.changed', at: now, actor: 'intake' },
      ...{ subjectDigest: configuration.digest, refs: { serial: '1' } },
    }),
  );
  const given = { deliveryId: id, target, owner: 'test', promotionId };
  const role = 'v-jwt-loader-x';
  await database.transaction(async (tx) => {
    await promotions.setState(tx, {
      ...{ id: promotionId, from: 'waiting', to: 'delivering', reason: null, at: at(1) },
    });
    const intentDigest = await recorder.record(tx, record('delivery.intent', 1, {}));
    await deliveries.insert(tx, {
      ...{ ...given, id, intentDigest, verification: null, repeats: null, at: at(1) },
    });
    await sessions.insertIntent(tx, {
      ...{ ...session, deliveryId: id, target, jwtMount: 'jwt', jwtExpiresAt: at(20) },
      ...{ deadline: at(300), at: at(2) },
      credentials: [
        { name: 'db', kind: 'database', path: 'database/creds/loader', ending: 'revocable' },
      ],
    });
  });
  await databases.authority.transaction((tx) =>
    recorder.record(
      tx,
      record(
        'credential.requested',
        2,
        { session: session.id, trust: files.trustDigest, configuration: configuration.digest },
        'authority',
      ),
    ),
  );
  await sessions.token(session, 'accessor');
  await database.transaction(async (tx) => {
    await sessions.leased(tx, session, {
      ...{ name: 'db', leaseId: 'database/creds/loader/x', holder: role },
      ...{ issuedAt: at(3), diesAt: at(300) },
    });
    await recorder.record(
      tx,
      record('credential.issued', 3, {
        ...{ session: session.id, as: 'db', kind: 'database', ending: 'revocable', holder: role },
        diesAt: at(300).toISOString(),
      }),
    );
    await deliveries.hookStarted(tx, { id, fence: 1 }, { at: at(4), kind: 'at-most-once' });
    await recorder.record(tx, record('hook.started', 4, { hook: promotion.hook }));
    await deliveries.hookFinished(
      tx,
      { id, fence: 1 },
      { at: at(9), exit: 0, result: { rows: 3 } },
    );
    await recorder.record(tx, record('hook.finished', 9, { hook: promotion.hook, exit: '0' }));
  });
  await deliveries.appendLog(id, [
    {
      at: at(5),
      stream: 'stdout',
      line: '\u001b[32mloaded\u001b[0m <script>alert(1)</script> \u202e',
    },
  ]);
  await sessions.revoking(session);
  await databases.watchdog.transaction(async (tx) => {
    await createVaultSessionStore(databases.watchdog).clean(tx, session.id, at(10));
    await recorder.record(
      tx,
      record('credential.revoked', 10, { session: session.id }, 'watchdog'),
    );
  });
  await database.transaction(async (tx) => {
    const end = { state: 'succeeded', reason: null, at: at(11) } as const;
    await deliveries.finish(tx, { id, fence: 1 }, end);
    await promotions.setState(tx, {
      ...{ id: promotionId, from: 'delivering', to: 'live', reason: null, at: at(11) },
    });
    const { release, artifactDigest, commit, mainPosition } = promotion;
    await promotions.setLive(tx, {
      ...{ target, promotionId: promotion.id, deliveryId: id, since: at(11) },
      ...{ release, artifactDigest, commit, mainPosition },
    });
    await recorder.record(tx, record('delivery.finished', 11, { state: 'succeeded' }));
  });
  await sequence();
  return id;
}

const pinned = importPinned({
  version: 1,
  signers: good.trust,
  ledger: vkeyOf(signer.name, privateKey),
  administrators: {
    version: 1,
    threshold: 2,
    domains: 1,
    keys: administrators.map(({ row }) => row),
  },
  attestations: [
    {
      keyid: attestationKeyId,
      publicKeyPem: attestationKeys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      alg: 'ecdsa-p256-sha256',
    },
  ],
});

/** OpenSSH's own verifier says so of the bytes that the archive has. */
async function opensshAccepts(archive: Buffer, key: SoftwareSecurityKey): Promise<void> {
  const [row] = await gate.asOwner(
    "select statement, signature from approval where person = 'leo'",
  );
  const { statement, signature: armoured } = row ?? {};
  assert.ok(statement instanceof Buffer && typeof armoured === 'string');
  assert.ok(archive.includes(statement.toString('base64')), 'the statement is in the archive');
  assert.ok(archive.includes(JSON.stringify(armoured)), 'the signature is in the archive');
  const [allowed, signature] = [join(directory, 'allowed'), join(directory, 'signature')];
  await writeFile(allowed, `leo ${key.publicKey}\n`);
  await writeFile(signature, armoured);
  const verifying = ['-Y', 'verify', '-f', allowed, '-I', 'leo', '-n', 'airlock-approval@v1'];
  const { status, stderr } = spawnSync('ssh-keygen', [...verifying, '-s', signature], {
    input: statement,
  });
  assert.equal(status, 0, stderr.toString());
}

test('the evidence of a delivery verifies offline with pinned keys, and its signature of a security key with ssh-keygen', async () => {
  // One of the two with a security key of OpenSSH.
  const { visitor: leo, key } = await holder('leo');
  assert.equal((await approveBySsh(leo, key)).status, 201);
  await sequence();
  const { visitor } = await approvedBy('mira');
  const path = `/api/v1/promotions/${promotionId}/evidence`;
  assert.equal((await visitor.get(path)).status, 409);
  await delivered();
  assert.equal((await visitor.get(path)).status, 503);
  clock = new Date(now.getTime() + 20_000);
  const events = await attest();
  assert.deepEqual(
    events.map((event) => (event.name === 'issued' ? event.attestation.kind : event.reason)),
    ['vsa', 'delivery'],
  );
  assert.deepEqual(await attest(), [], 'each is issued once');
  const archive = await visitor.bytes(path);
  const report = verifyEvidence({ archive, pinned, readYaml: parseConfig });
  assert.ok(report.whole, linesOf(report).join('\n'));
  assert.deepEqual(archive, await visitor.bytes(path), 'the same evidence is the same archive');
  await opensshAccepts(archive, key);
  archive.write('prod-us', archive.indexOf('prod-eu'));
  assert.equal(verifyEvidence({ archive, pinned, readYaml: parseConfig }).whole, false);
});

test('a row that lies gets no summary that passed, and is told to nobody but the ledger', async () => {
  await gate.asOwner(`update promotion set artifact_digest = $1 where id = $2`, [
    'd'.repeat(64),
    promotionId,
  ]);
  await sequence();
  const events = await attest();
  assert.deepEqual(
    events.flatMap((event) => (event.name === 'issued' ? [event.attestation.result] : [])),
    ['FAILED'],
  );
  assert.deepEqual(await attest(), [], 'and is not said twice');
  const visitor = await signedIn('mira');
  assert.equal((await visitor.get(`/promotions/${promotionId}/vsa`)).status, 404);
  const [told] = await gate.asOwner(
    `select convert_from(body, 'UTF8') as body from ledger_entry where type = 'attestation.issued' order by idx desc limit 1`,
  );
  assert.match(String(told?.['body']), /"result":"FAILED","code":"E_ARTIFACT_DIGEST"/);
});

test('a target file that changes while it is judged is not summed up as the one that was', async () => {
  await sequence();
  const judged = files.targets.get(target);
  assert.ok(judged);
  const changed = new Map([[target, { ...judged, digest: 'e'.repeat(64) }]]);
  assert.deepEqual(await attest({ ...files, targets: changed }), []);
  const issued = (await attest()).flatMap((event) =>
    event.name === 'issued' ? [event.attestation.result] : [],
  );
  assert.deepEqual(issued, ['PASSED']);
});

test('a refused item gets a summary that failed, once', async () => {
  await attest();
  await gate.asOwner(
    `insert into intake_item (source, seq, item_hash, request_id, claimed_target, bundle_digest, artifact_digest, outcome, code)
     values ('nonprod', $1, 'x', 'prq_0000000000', 'prod-eu', $2, $2, 'refused', 'E_SIG_INVALID')`,
    [randomInt(2 ** 40), 'b'.repeat(64)],
  );
  const issued = (await attest()).flatMap((event) =>
    event.name === 'issued' ? [event.attestation.result] : [],
  );
  assert.deepEqual(issued, ['FAILED']);
  assert.deepEqual(await attest(), []);
});

test('what the gate signed of an admission is served as it stands and to sigstore', async () => {
  await sequence();
  // Another moment than in other tests, or it would be the same summary of the same bundle.
  clock = new Date(now.getTime() + 30_000);
  await attest();
  const visitor = await signedIn('mira');
  const path = `/promotions/${promotionId}`;
  const envelope = json(await visitor.get(`${path}/vsa`));
  const exported = json(await visitor.get(`${path}/vsa/bundle.sigstore.json`));
  assert.deepEqual(exported['dsseEnvelope'], { ...envelope, payload: envelope['payload'] });
  assert.equal((await visitor.get(`${path}/provenance/bundle.sigstore.json`)).status, 200);
  const bundle = await visitor.bytes(`${path}/bundle.intoto.jsonl`);
  assert.equal(sha(bundle), sha(Buffer.from(good.bundle, 'base64')));
  assert.equal((await visitor.get('/deliveries/dlv_0123456789/statement')).status, 404);
});

test('no process but the authority writes attestations, and nobody changes one', async () => {
  await sequence();
  await attest();
  for (const database of [databases.web, databases.intake, databases.deliverer]) {
    await assert.rejects(
      database.pool.query(
        `insert into attestation (digest, kind, about, envelope) values ('x', 'delivery', 'x', '')`,
      ),
      /permission denied/,
    );
  }
  await assert.rejects(gate.asOwner(`update attestation set result = 'PASSED'`), /append-only/);
});

test('the ledger that is served verifies from its first entry on, without a session', async () => {
  await approvedBy('leo');
  const source = ledgerSource(origin);
  const verified = await verifyLedger({ read: source, vkey: vkeyOf(signer.name, privateKey) });
  assert.ok(verified.ok, JSON.stringify(verified));
  assert.ok(verified.size >= 3);
  assert.equal(await source('tile/0/000.p/255'), null);
  const outside = await fetchBytes(new URL('/ledger/tile/..%2f..%2fcheckpoint', origin));
  assert.equal(outside.status, 404);
});

test('whoever the roster names turns mail off and on, and sees what did not arrive and why', async () => {
  await gate.asOwner(
    `insert into notification (id, thread, type, title, lines, path, occurred_at)
     values ('told', 'told', 'promotion.waits', 'r1 <b>waits</b>', '{}', '/queue', now())`,
  );
  await gate.asOwner(
    `insert into dispatch (notification_id, channel, recipient, person, state, tries, error, settled_at)
     values ('told', 'mail', 'leo@example.com', 'leo', 'dead', 8, 'smtp.example.com: no such user', now())`,
  );
  const leo = await signedIn('leo');
  const { body } = await leo.get('/me/notifications');
  assert.match(body, /r1 &lt;b>waits&lt;\/b>/);
  assert.match(body, /8 attempts: smtp\.example\.com: no such user/);
  const choice = () => gate.asOwner("select mail from notification_choice where person = 'leo'");
  assert.equal((await leo.submit('/me/notifications', {})).status, 303);
  assert.deepEqual(await choice(), [{ mail: false }]);
  assert.equal((await leo.submit('/me/notifications', { mail: 'on' })).status, 303);
  assert.deepEqual(await choice(), [{ mail: true }]);
});

describe('every page', () => {
  const pages = async (): Promise<string[]> => {
    const delivery = await delivered();
    return [
      ...['/queue', '/targets', `/targets/${target}`, '/ledger', '/leases', '/me'],
      ...['/me/notifications', `/promotions/${promotionId}`, `/deliveries/${delivery}`],
    ];
  };

  test('is plain text to whoever wrote commits and logs, and styled by the style sheet alone', async () => {
    await approvedBy('leo');
    const leo = await signedIn('leo');
    const before = [
      (await leo.get('/queue')).body,
      (await leo.get(`/promotions/${promotionId}`)).body,
    ];
    const bodies = [...before];
    for (const path of await pages()) {
      const answer = await leo.get(path);
      assert.equal(answer.status, 200, path);
      bodies.push(answer.body);
    }
    for (const body of bodies) {
      assert.doesNotMatch(body, /<b>VAT|alert\(1\)<\/script>|\u202e|style=|\bblocked\b/i);
      assert.equal(body.match(/<h1/g)?.length, 1);
    }
    assert.match(before[1] ?? '', /&lt;b>VAT&lt;\/b> per ⟨U\+202E⟩line/);
  });

  test('shows the decision to whom it is open, and a sentence to everybody else', async () => {
    const body = async (who: string): Promise<string> =>
      (await (await signedIn(who)).get(`/promotions/${promotionId}`)).body;
    assert.match(await body('leo'), /You have no passkey here/);
    assert.match(await body('dana'), /You asked for this; somebody else decides: Leo or Mira/);
    assert.match(await body('rita'), /You wrote [0-9a-f]{8}; somebody else decides: Leo or Mira/);
    assert.match(await body('devi'), /takes the role release manager. Who decides: Leo or Mira/);
    await enrol(await signedIn('leo'));
    const open = await body('leo');
    assert.match(open, /Approve with passkey/);
    const view = json(await (await signedIn('leo')).get(`/api/v1/promotions/${promotionId}`));
    assert.ok(open.includes(`digest   ${String(view['promotionDigest'])}`));
    assert.doesNotMatch(await body('rita'), /Approve with passkey/);
  });

  test('of the queue sorts by who has to move', async () => {
    const sections = async (who: string) => {
      const queue = json(await (await signedIn(who)).get('/api/v1/queue'));
      return ['needsYou', 'inProgress', 'waitingForOthers'].map(
        (name) => (queue[name] as unknown[]).length,
      );
    };
    assert.deepEqual(await sections('leo'), [1, 0, 0]);
    assert.deepEqual(await sections('devi'), [0, 0, 1]);
    await approvedBy('leo');
    assert.deepEqual(await sections('leo'), [0, 0, 1]);
  });

  test('for somebody who is in no roster is one refusal and no way round in a circle', async () => {
    const answer = await (await signedIn('stranger')).get('/queue');
    assert.equal(answer.status, 403);
  });
});

test('credentials are shown by path and times, never by lease or accessor', async () => {
  const delivery = await delivered();
  const mira = await signedIn('mira');
  for (const path of [`/api/v1/deliveries/${delivery}`, '/api/v1/leases', '/leases']) {
    const { body, status } = await mira.get(path);
    assert.equal(status, 200);
    assert.doesNotMatch(body, /accessor|creds\/loader\/x/);
  }
  const { leases } = json(await mira.get('/api/v1/leases')) as {
    leases: { livedSeconds: number; credentials: { goneAt: string | null }[] }[];
  };
  assert.deepEqual(
    leases.map(({ livedSeconds, credentials }) => ({
      livedSeconds,
      gone: credentials.map(({ goneAt }) => goneAt !== null),
    })),
    [{ livedSeconds: 7, gone: [true] }],
  );
});
