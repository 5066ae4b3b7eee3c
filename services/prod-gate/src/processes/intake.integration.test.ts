/**
 * Intake and watchdog as real processes against what they meet: a git repository, an outbox behind mutual TLS, files on disk,
 * Postgres. Nonprod's part is played by this test, with keys of its own.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createWitnessKey } from '@airlock/cli/setup/ledger-key';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { administratorsFile, signingKeyOf } from '@airlock/cli/setup/administrators';
import { signConfiguration } from '@airlock/cli/setup/signed-configuration';
import { createSigningKey } from '@airlock/cli/setup/signing-keys';
import { signEnvelope } from '@airlock/common/dsse/sign';
import { vkeyOf } from '@airlock/common/ledger/note';
import { findProgram } from '@airlock/sandbox/host';
import { keyIdOf } from '@airlock/common/trust/signer';
import { StatusReport, type OutboxItem } from '@airlock/common/wire/outbox';
import {
  SecretMark,
  SecretMarksRequest,
  secretMark,
  secretMarksPath,
} from '@airlock/common/wire/secret-marks';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planMain } from '@airlock/pipeline/run-plan';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createLedgerReader } from '../adapters/postgres/ledger-store.ts';
import { followLedger } from '../app/follow-ledger.ts';
import { createLedgerProofs } from '../app/prove-entry.ts';
import { outboxItemHash } from '../domain/outbox-chain.ts';
import { certificateOf } from '@airlock/notify/testing/certificate';
import { startReceiver, type Receiver } from '@airlock/notify/testing/receiver';
import { startSmtpServer, type SmtpServer } from '@airlock/notify/testing/smtp-server';
import { z } from 'zod';

const sha = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const payloadType = 'application/vnd.in-toto+json';
const builderId = 'https://nonprod.example/builders/main@v1';
const repository = 'https://git.example/org/app';
const runnerImage = '6'.repeat(64);
const planned = plannedFiles();
const root = fileURLToPath(new URL('../../../../', import.meta.url));

let directory: string;
let gate: TestGateDatabase;
let reading: GateDatabase;
let server: Server;
let mails: SmtpServer;
let channel: Receiver;
let commit: string;
let seenHead: string;
let pipelineBlob: string;
/** Signs the configuration as it is now, by as many administrators as it takes. */
let sign: () => Promise<unknown>;
const children: ChildProcess[] = [];
const items: OutboxItem[] = [];
const blobs = new Map<string, Buffer>();
const reports: StatusReport['reports'] = [];
const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ledgerKey = generateKeyPairSync('ed25519').privateKey;
const origin = 'gate.example/ledger';

function git(...args: string[]): string {
  const identity = ['user.name=Dana', 'user.email=dana@example.com', 'gpg.format=ssh'];
  const signing = ['commit.gpgsign=true', `user.signingkey=${join(directory, 'forge')}`];
  const settings = [...identity, ...signing].flatMap((setting) => ['-c', setting]);
  return execFileSync('git', [...settings, '-C', join(directory, 'app'), ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null' },
  }).trim();
}

/** The repository's two files and the digest of the plan that they make. */
function plannedFiles(): { pipeline: string; release: string; digest: string } {
  const pipeline = 'steps:\n  - { name: package, image: any, commands: [make package] }\n';
  const release =
    'version: 1\nartifacts: { app: { path: dist/app.tar.gz } }\nreleases: { app: { artifacts: [app] } }\n';
  const found = planMain({ pipelines: [{ path: '.woodpecker.yaml', text: pipeline }], release });
  assert.ok(found.kind === 'run');
  return { pipeline, release, digest: planDigest(found.plan) };
}

function statement(predicateType: string, artifact: Buffer, predicate: object): Buffer {
  return Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'app.tar.gz', digest: { sha256: sha(artifact) } }],
      predicateType,
      predicate,
    }),
  );
}

/** A bundle as nonprod's signer makes it, for `commit` of the repository. */
function bundleOf(artifact: Buffer, run: string): Buffer {
  const now = new Date(`${new Date().toISOString().slice(0, 19)}Z`);
  const time = (secondsAgo: number) =>
    `${new Date(now.getTime() - secondsAgo * 1000).toISOString().slice(0, 19)}Z`;
  const provenance = statement('https://slsa.dev/provenance/v1', artifact, {
    buildDefinition: {
      buildType: 'https://airlock.example/buildtypes/pipeline/v1',
      externalParameters: {
        repository,
        ref: 'refs/heads/main',
        pipeline: '.woodpecker.yaml',
        release: '.airlock/release.yaml',
      },
      internalParameters: {},
      resolvedDependencies: [
        { uri: `git+${repository}@refs/heads/main`, digest: { gitCommit: commit } },
        { uri: 'file:.woodpecker.yaml', digest: { gitBlob: pipelineBlob } },
        { uri: 'plan:.woodpecker.yaml', digest: { sha256: planned.digest } },
        { uri: 'oci:runner-image', digest: { sha256: runnerImage } },
      ],
    },
    runDetails: {
      builder: { id: builderId },
      metadata: { invocationId: run, startedOn: time(30), finishedOn: time(20) },
    },
  });
  const tests = statement('https://in-toto.io/attestation/test-result/v0.1', artifact, {
    result: 'PASSED',
    configuration: [{ name: '.woodpecker.yaml', digest: { gitBlob: pipelineBlob } }],
  });
  const request = statement('https://airlock.example/attestation/promotion-request/v1', artifact, {
    target: 'prod-eu',
    release: '2026.11.22-1',
    requester: { id: 'dana@idp.example', idp: 'https://idp.example' },
    reason: 'VAT per line',
    requestedAt: time(10),
    provenance: sha(provenance),
  });
  const key = { keyid: keyIdOf(signing.publicKey), privateKey: signing.privateKey };
  const lines = [provenance, tests, request].map((one) => signEnvelope(payloadType, one, [key]));
  return Buffer.from(`${lines.join('\n')}\n`);
}

function publish(bundle: Buffer, artifact: Buffer): OutboxItem {
  blobs.set(sha(bundle), bundle);
  blobs.set(sha(artifact), artifact);
  const unhashed = {
    seq: items.length + 1,
    prevHash: items.at(-1)?.hash ?? '0'.repeat(64),
    id: `prq_${String(items.length).padStart(10, '0')}`,
    createdAt: '2026-11-22T10:00:00Z',
    bundle: { digest: sha(bundle), size: bundle.length },
    artifact: { digest: sha(artifact), size: artifact.length },
    claimedTarget: 'prod-eu',
  };
  const item = { ...unhashed, hash: outboxItemHash(unhashed) };
  items.push(item);
  return item;
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-intake-process-'));
  gate = await createGateDatabase();
  reading = openDatabase(gate.settings('gate_web'));
  makeRepository();
  await startOutbox();
  // Named as it is addressed, so that its certificate can be of a name.
  const certificate = certificateOf('localhost');
  writeFileSync(join(directory, 'mail-ca.pem'), certificate.cert);
  mails = await startSmtpServer({ certificate });
  channel = await startReceiver();
  await writeFiles();
  await Promise.all([startProcess('watchdog'), startProcess('intake')]);
});

after(async () => {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(
    children.filter((child) => child.exitCode === null).map((child) => once(child, 'exit')),
  );
  server.closeAllConnections();
  server.close();
  await Promise.all([mails.close(), channel.close()]);
  await reading.close();
  await gate.dispose();
  rmSync(directory, { recursive: true });
});

function makeRepository(): void {
  const app = join(directory, 'app');
  mkdirSync(join(app, '.airlock'), { recursive: true });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'forge')]);
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', app]);
  writeFileSync(join(app, '.woodpecker.yaml'), planned.pipeline);
  writeFileSync(join(app, '.airlock/release.yaml'), planned.release);
  git('add', '.');
  git('commit', '--quiet', '-m', 'first');
  commit = git('rev-parse', 'HEAD');
  pipelineBlob = git('rev-parse', 'HEAD:.woodpecker.yaml');
}

async function startOutbox(): Promise<void> {
  const ca = await createCertificateAuthority('gate-edge');
  const issue = (uriSan: string, usage: 'server' | 'client') =>
    issueCertificate({ ca, uriSan, dnsNames: [], ipAddresses: ['127.0.0.1'], usage, days: 1 });
  const own = await issue('airlock:nonprod:outbox', 'server');
  const client = await issue('airlock:gate:intake', 'client');
  writeFileSync(join(directory, 'ca.pem'), ca.certificatePem);
  writeFileSync(join(directory, 'intake.pem'), client.certificatePem);
  writeFileSync(join(directory, 'intake.key'), client.keyPem);
  server = createServer(
    {
      ca: ca.certificatePem,
      cert: own.certificatePem,
      key: own.keyPem,
      requestCert: true,
      minVersion: 'TLSv1.3',
    },
    (request, response) => {
      const url = new URL(request.url ?? '/', 'https://outbox');
      if (url.pathname.startsWith('/v1/witness/')) {
        // Nobody is at home; the ledger goes on without a cosignature.
        response.writeHead(404).end();
        return;
      }
      if (request.method === 'POST') {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
          if (url.pathname === secretMarksPath) {
            const key = Buffer.from(SecretMarksRequest.parse(body).key, 'hex');
            const mark = secretMark(key, 'kept by nonprod');
            response.end(JSON.stringify({ marks: [{ secret: 'shop/web/TOKEN', mark }] }));
            return;
          }
          reports.push(...StatusReport.parse(body).reports);
          response.writeHead(204).end();
        });
        return;
      }
      if (url.pathname === '/v1/outbox') {
        const seen = Number(url.searchParams.get('after'));
        const page = { items: items.filter((item) => item.seq > seen), head: items.length };
        response.end(JSON.stringify(page));
        return;
      }
      const blob = blobs.get(url.pathname.slice('/v1/blobs/sha256/'.length));
      if (blob === undefined) response.writeHead(404).end();
      else response.end(blob);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

async function writeFiles(): Promise<void> {
  const path = (name: string) => join(directory, name);
  mkdirSync(path('configuration/targets'), { recursive: true });
  mkdirSync(path('hooks/load-release'), { recursive: true });
  writeFileSync(
    path('configuration/targets/prod-eu.yaml'),
    `version: 1
target: prod-eu
admits:
  - repo: ${repository}
    refs: [refs/heads/main]
    pipeline: .woodpecker.yaml
    releaseFile: .airlock/release.yaml
    subject: app.tar.gz
    builders: { id: '${builderId}', threshold: 1, images: ['sha256:${runnerImage}'] }
    maxAge: 14d
    tests: required
    signedCommits: required
approvals:
  rules: [{ role: release-manager, count: 2 }]
  exclude: [requester, authors, committers]
  expires: 24h
credentials:
  vault: { jwtMount: jwt-prod-eu, jwtRole: deliver, ttl: 5m, reads: [{ as: db, kind: database, mount: database, role: loader }] }
deliver:
  hook: load-release@sha256:${'a'.repeat(64)}
  timeout: 2m
  params: {}
  egress: [{ as: db, kind: postgres, host: 127.0.0.1, port: 5432, name: production }]
`,
  );
  const forge = {
    key: readFileSync(path('forge.pub'), 'utf8').trim(),
    owner: 'forge',
    ...{ notBefore: '2020-01-01T00:00:00Z', notAfter: '2100-01-01T00:00:00Z' },
  };
  writeFileSync(
    path('configuration/roster.yaml'),
    JSON.stringify({
      version: 1,
      people: ['mira', 'dana'].map((id) => ({
        ...{ id, name: id, nameId: `${id}@idp.example`, roles: ['release-manager'], passkeys: [] },
        ...{ mail: `${id}@example.com`, gitEmails: id === 'dana' ? ['dana@example.com'] : [] },
      })),
      commitKeys: [forge],
    }),
  );
  const window = { notBefore: '2020-01-01T00:00:00Z', notAfter: '2100-01-01T00:00:00Z' };
  writeFileSync(
    path('configuration/trust.json'),
    JSON.stringify({
      version: 1,
      signers: [
        {
          keyid: keyIdOf(signing.publicKey),
          publicKeyPem: signing.publicKey.export({ type: 'spki', format: 'pem' }),
          alg: 'ecdsa-p256-sha256',
          roles: ['provenance', 'test', 'promotion'],
          builderIds: [builderId],
          adminDomain: 'nonprod',
          ...window,
        },
      ],
    }),
  );
  const administrators = ['Ada', 'Ben'].map((name) => ({
    ...{ name, adminDomain: 'platform', key: createSigningKey('ed25519') },
  }));
  const quorum = { threshold: 2, domains: 1 };
  writeFileSync(path('administrators.json'), administratorsFile(quorum, administrators));
  const [first, ...rest] = administrators.map(({ key }) => signingKeyOf(key));
  assert.ok(first);
  sign = () => signConfiguration(path('configuration'), [first, ...rest]);
  await sign();
  writeFileSync(path('ledger.vkey'), `${vkeyOf(origin, ledgerKey)}\n`);
  writeFileSync(path('witness.vkey'), `${createWitnessKey('nonprod.example/witness').vkey}\n`);
  writeFileSync(path('ledger.key'), ledgerKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(path('hub.url'), `http://127.0.0.1:${channel.port}/`);
  writeFileSync(path('hub.secret'), `whsec_${Buffer.alloc(32, 7).toString('base64')}`);
  writeFileSync(path('role-id'), 'nobody');
  writeFileSync(path('secret-id'), 'nothing', { mode: 0o600 });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  // JSON is YAML.
  writeFileSync(
    path('intake.yaml'),
    JSON.stringify({
      database: gate.settings('gate_intake'),
      gate: 'https://gate.example',
      files: {
        directory: 'configuration',
        administratorsFile: 'administrators.json',
        hooksDirectory: 'hooks',
      },
      outbox: {
        url: `https://127.0.0.1:${address.port}`,
        caFile: 'ca.pem',
        certificateFile: 'intake.pem',
        keyFile: 'intake.key',
      },
      ledgerKeyFile: 'ledger.vkey',
      witnessKeyFile: 'witness.vkey',
      mirrors: [
        {
          ...{ repository, url: path('app'), directory: 'mirror.git', protocols: ['file'] },
          isolation: findProgram('bwrap') === null ? 'none' : 'bubblewrap',
        },
      ],
      artifacts: { directory: 'artifacts' },
      maxArtifactBytes: 1000,
      pollSeconds: 0.1,
      notify: {
        mail: {
          ...{ host: 'localhost', port: mails.port, caFile: 'mail-ca.pem' },
          ...{ from: 'airlock@example.com', domains: ['example.com'] },
        },
        channels: {
          hub: { kind: 'cloudevents', urlFile: 'hub.url', secretFile: 'hub.secret' },
        },
        always: ['hub'],
        reachable: ['127.0.0.0/8', '::1/128'],
      },
    }),
  );
  writeFileSync(
    path('watchdog.yaml'),
    JSON.stringify({
      database: gate.settings('gate_watchdog'),
      ledger: { origin, keyFile: 'ledger.key' },
      vault: {
        address: 'http://127.0.0.1:1',
        identity: { kind: 'approle', roleIdFile: 'role-id', secretIdFile: 'secret-id' },
      },
    }),
  );
}

async function startProcess(name: 'intake' | 'watchdog'): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=source',
      join(root, `services/prod-gate/src/processes/${name}.ts`),
      '--config',
      join(directory, `${name}.yaml`),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] } },
  );
  children.push(child);
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.includes('"process.ready"')) {
      child.stdout.resume();
      return;
    }
  }
  assert.fail(`${name} ended before it was ready:\n${lines.join('\n')}`);
}

async function eventually<T>(look: () => Promise<T | null | undefined> | T | null | undefined) {
  const until = Date.now() + 15_000;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined) return found;
    assert.ok(Date.now() < until, 'not within 15 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const itemOf = (seq: number) =>
  eventually(async () => {
    const rows = await gate.asOwner('select * from intake_item where seq = $1', [seq]);
    return rows[0];
  });
const reportOf = (item: OutboxItem) =>
  eventually(() => reports.find((report) => report.id === item.id));

test('a signed release of main is admitted, told to nonprod, and proven in the ledger', async () => {
  const artifact = Buffer.from('the release');
  const item = publish(bundleOf(artifact, 'https://nonprod.example/runs/1'), artifact);
  const row = await itemOf(item.seq);
  assert.deepEqual([row['outcome'], row['code'], row['detail']], ['admitted', null, null]);
  const report = await reportOf(item);
  assert.equal(report.state, 'waiting');
  assert.equal(report.page, `https://gate.example/promotions/${String(row['promotion_id'])}`);
  const proofs = createLedgerProofs({
    ledger: createLedgerReader(reading),
    vkey: vkeyOf(origin, ledgerKey),
  });
  await eventually(() => proofs.bySubject('bundle.admitted', item.bundle.digest));
  const stored = readFileSync(join(directory, 'artifacts/blobs/sha256', sha(artifact)));
  assert.deepEqual(stored, artifact);
});

test('whoever may decide on it is written to, its author is not, and the channel that hears all hears it', async () => {
  const mail = await eventually(() => mails.mails.find(({ raw }) => /Subject: .*waits/.test(raw)));
  const [row] = await gate.asOwner('select promotion_id from intake_item where seq = 1');
  const page = `https://gate.example/promotions/${String(row?.['promotion_id'])}`;
  assert.deepEqual([mail.to, mail.isEncrypted], [['mira@example.com'], true]);
  assert.ok(mail.raw.includes(page));
  assert.ok(!mails.mails.some(({ to }) => to.includes('dana@example.com')));
  const Event = z.object({ type: z.string(), data: z.object({ link: z.string() }) });
  const event = await eventually(() =>
    channel.received
      .map(({ body }) => Event.parse(JSON.parse(body.toString())))
      .find(({ data }) => data.link === page),
  );
  assert.equal(event.type, 'example.airlock.promotion.waits');
});

test('a configuration is on record although nothing comes in and nothing waits', async () => {
  await gate.asOwner("update promotion set state = 'superseded' where state = 'waiting'");
  const targetFile = join(directory, 'configuration/targets/prod-eu.yaml');
  writeFileSync(targetFile, `${readFileSync(targetFile, 'utf8')}# looked at\n`);
  await sign();
  const serials = await eventually(async () => {
    const rows = await gate.asOwner('select serial from configuration order by serial');
    return rows.length > 1 ? rows.map(({ serial }) => Number(serial)) : null;
  });
  assert.deepEqual(serials, [1, 2]);
});

test('an artifact above the limit, and a commit that is only on a branch, are refused by name', async () => {
  const large = Buffer.alloc(1001, 'x');
  const first = publish(bundleOf(large, 'https://nonprod.example/runs/2'), large);
  assert.equal((await itemOf(first.seq))['code'], 'E_ARTIFACT_SIZE');
  assert.deepEqual((await reportOf(first)).codes, ['E_ARTIFACT_SIZE']);

  git('checkout', '--quiet', '-b', 'feature');
  git('commit', '--quiet', '--allow-empty', '-m', 'not merged');
  commit = git('rev-parse', 'HEAD');
  git('checkout', '--quiet', 'main');
  const artifact = Buffer.from('of a branch');
  const second = publish(bundleOf(artifact, 'https://nonprod.example/runs/3'), artifact);
  assert.equal((await itemOf(second.seq))['code'], 'E_GIT_UNKNOWN');
});

test('a rewritten main freezes the repository', async () => {
  seenHead = git('rev-parse', 'refs/heads/main');
  git('commit', '--quiet', '--amend', '-m', 'rewritten');
  commit = git('rev-parse', 'HEAD');
  const artifact = Buffer.from('of a rewritten main');
  const item = publish(bundleOf(artifact, 'https://nonprod.example/runs/4'), artifact);
  assert.equal((await itemOf(item.seq))['code'], 'E_GIT_REWOUND');
  const freezes = await gate.asOwner('select repository from repository_freeze');
  assert.deepEqual(freezes, [{ repository }]);
});

test('whoever deletes the freeze from the database lifts nothing', async () => {
  const facts = followLedger({
    ledger: createLedgerReader(reading),
    vkey: vkeyOf(origin, ledgerKey),
  });
  await eventually(async () => (await facts()).frozenSince(repository));
  await gate.asOwner('delete from repository_freeze');
  const artifact = Buffer.from('of a main that nobody accepted');
  const item = publish(bundleOf(artifact, 'https://nonprod.example/runs/5'), artifact);
  assert.equal((await itemOf(item.seq))['code'], 'E_REPOSITORY_FROZEN');
});

test('a rewritten main that the administrators accepted by both heads is taken in again', async () => {
  const rosterFile = join(directory, 'configuration/roster.yaml');
  const roster = JSON.parse(readFileSync(rosterFile, 'utf8')) as object;
  const accept = async (to: string): Promise<void> => {
    const acceptedMains = [{ repository, from: seenHead, to }];
    writeFileSync(rosterFile, JSON.stringify({ ...roster, acceptedMains }));
    await sign();
  };
  await accept('1'.repeat(40));
  const other = Buffer.from('of a main whose head is another');
  const first = publish(bundleOf(other, 'https://nonprod.example/runs/6'), other);
  assert.equal((await itemOf(first.seq))['code'], 'E_REPOSITORY_FROZEN');

  await accept(commit);
  const artifact = Buffer.from('of the accepted main');
  const item = publish(bundleOf(artifact, 'https://nonprod.example/runs/7'), artifact);
  const row = await itemOf(item.seq);
  assert.deepEqual([row['outcome'], row['detail']], ['admitted', null]);
  const types = await eventually(async () => {
    const rows = await gate.asOwner(
      "select type from ledger_entry where type like 'repository.%' order by idx",
    );
    return rows.length > 1 ? rows.map((one) => one['type']) : null;
  });
  assert.deepEqual(types, ['repository.frozen', 'repository.released']);
});

test('a forked outbox is not read any further', async () => {
  const artifact = Buffer.from('after the fork');
  const item = publish(bundleOf(artifact, 'https://nonprod.example/runs/8'), artifact);
  const forked = { ...item, prevHash: 'e'.repeat(64) };
  items[items.length - 1] = { ...forked, hash: outboxItemHash(forked) };
  await eventually(async () => {
    const rows = await gate.asOwner(
      "select 1 from repository_freeze where repository = 'outbox:nonprod'",
    );
    return rows[0];
  });
  assert.equal((await gate.asOwner('select 1 from intake_item')).length, 7);
});

test('the marks that nonprod tells under a fresh key are there for the deliverer', async () => {
  const rows = await eventually(async () => {
    const found = await gate.asOwner('select key, marks from nonprod_secret_mark_set');
    return found.length > 0 ? found : undefined;
  });
  const [row] = z
    .array(z.object({ key: z.instanceof(Buffer), marks: z.array(SecretMark) }))
    .parse(rows);
  assert.ok(row !== undefined);
  assert.deepEqual(row.marks, [
    { secret: 'shop/web/TOKEN', mark: secretMark(row.key, 'kept by nonprod') },
  ]);
});

test('both processes end cleanly when they are asked to', async () => {
  for (const child of children) {
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    assert.equal(code, 0);
  }
});
