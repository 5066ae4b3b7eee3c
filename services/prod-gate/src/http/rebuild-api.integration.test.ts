import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import type { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { createContentStore } from '@airlock/artifacts/content-store';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope, type SigningKey } from '@airlock/common/dsse/sign';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { formatId } from '@airlock/common/ids';
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import { admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { provenanceStatement, type BuildFacts } from '@airlock/common/slsa/provenance';
import { importTrust, keyIdOf } from '@airlock/common/trust/signer';
import { verifyPromotionBundle } from '@airlock/common/verify/verify-promotion-bundle';
import { startMachineServer, type MachineServer } from '@airlock/process/machine-server';
import { mutualTlsAgent } from '@airlock/process/mtls';
import { createLog } from '@airlock/process/log';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { recorder } from '../adapters/postgres/ledger-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createRebuildStore } from '../adapters/postgres/rebuild-store.ts';
import { filesOf, sha, vectorNamed } from '../app/vectors.fixture.ts';
import type { GateFiles } from '../app/configuration-ports.ts';
import type { NewPromotion } from '../app/promotion-ports.ts';
import type { TakenRebuild } from '../app/take-rebuild.ts';
import { makeDelta } from '../domain/delta.ts';
import { rebuildRoutes } from './rebuild-api.ts';
import { noDetails } from '../testing/delta-details.ts';

const good = vectorNamed('G01');
const now = new Date(good.now);
const bundle = Buffer.from(good.bundle, 'base64');
const artifact = Buffer.from(good.artifact, 'base64');
const builderId = 'https://audit.example/rebuilder@v1';
const identity = 'airlock:rebuilder:audit';

const newKey = (): SigningKey & { publicKeyPem: string } => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { keyid: keyIdOf(publicKey), privateKey, publicKeyPem };
};
const key = newKey();
const stranger = newKey();

/** The vector's files, with a target that asks a rebuilder whose key is pinned. */
function gateFiles(of: readonly string[] = [builderId]): GateFiles {
  const files = filesOf(good);
  const target = files.targets.get(good.target);
  assert.ok(target);
  const [admits] = target.policy.admits;
  assert.ok(admits);
  const policy: TargetPolicy = {
    ...target.policy,
    admits: [{ ...admits, builders: { ...admits.builders, threshold: 1, of: [...of] } }],
  };
  const row = { alg: 'ecdsa-p256-sha256', roles: ['provenance'], builderIds: [builderId] };
  const window = { notBefore: '2020-01-01T00:00:00Z', notAfter: '2100-01-01T00:00:00Z' };
  return {
    ...files,
    targets: new Map([[good.target, { policy, digest: target.digest }]]),
    trust: importTrust([
      ...good.trust.map((each) => ({ ...each, adminDomain: 'ci' })),
      {
        ...{ ...row, ...window, adminDomain: 'audit' },
        ...{ keyid: key.keyid, publicKeyPem: key.publicKeyPem },
      },
    ]),
  };
}

let files = gateFiles();
let gate: TestGateDatabase;
let web: GateDatabase;
let intake: GateDatabase;
let directory: string;
let server: MachineServer;
let agents: Record<'rebuilder' | 'unlisted' | 'otherEdge', Agent>;
let promotion: NewPromotion;
let taken: TakenRebuild[] = [];
const rung: string[] = [];
const refusedCallers: (string | null)[] = [];

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-rebuild-api-'));
  gate = await createGateDatabase();
  web = openDatabase(gate.settings('gate_web'));
  intake = openDatabase(gate.settings('gate_intake'));
  const artifacts = createContentStore(join(directory, 'artifacts'));
  await artifacts.put(
    (async function* () {
      yield await Promise.resolve(artifact);
    })(),
    { maxBytes: artifact.length },
  );
  const silent = createLog('test');
  for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;
  const ca = await createCertificateAuthority('rebuild-edge');
  const otherCa = await createCertificateAuthority('gate-edge');
  const tls = async (name: string, uriSan: string, usage: 'server' | 'client', by = ca) => {
    const { certificatePem, keyPem } = await issueCertificate({
      ...{ ca: by, uriSan, usage, days: 1, dnsNames: [], ipAddresses: ['127.0.0.1'] },
    });
    const at = (part: string, pem: string): string => {
      const file = join(directory, `${name}.${part}`);
      writeFileSync(file, pem, { mode: 0o600 });
      return file;
    };
    return {
      caFile: at('ca', ca.certificatePem),
      certificateFile: at('pem', certificatePem),
      keyFile: at('key', keyPem),
    };
  };
  const rebuilds = createRebuildStore(web);
  server = await startMachineServer({
    setting: 'rebuilds.listener',
    listener: {
      host: '127.0.0.1',
      port: 0,
      ...(await tls('server', 'airlock:gate:rebuilds', 'server')),
    },
    routes: rebuildRoutes({
      ...{ transactor: web, promotions: createPromotionStore(web), rebuilds, recorder, artifacts },
      files: () => Promise.resolve(files),
      ringDeliverer: (id) => rung.push(id),
      builders: new Map([[identity, builderId]]),
      onTaken: (_, each) => taken.push(each),
      clock: () => now,
    }),
    mayCall: (caller) => caller === identity,
    onRefusedCaller: (caller) => refusedCallers.push(caller),
    log: silent,
  });
  const connect = async (name: string, uri: string, by = ca) =>
    mutualTlsAgent({
      ...(await tls(name, uri, 'client', by)),
      serverIdentity: 'airlock:gate:rebuilds',
    });
  agents = {
    rebuilder: await connect('rebuilder', identity),
    unlisted: await connect('unlisted', 'airlock:rebuilder:somebody'),
    otherEdge: await connect('other', identity, otherCa),
  };
});
after(async () => {
  for (const agent of Object.values(agents)) agent.destroy();
  await server.close();
  await web.close();
  await intake.close();
  await gate.dispose();
  rmSync(directory, { recursive: true });
});

beforeEach(async () => {
  files = gateFiles();
  taken = [];
  rung.length = 0;
  await gate.asOwner('alter table rebuild disable trigger all');
  await gate.asOwner('truncate promotion, rebuild, ledger_pending cascade');
  await gate.asOwner('alter table rebuild enable trigger all');
  promotion = admitted();
  await intake.transaction((tx) => createPromotionStore(intake).insert(tx, promotion));
});

/** The vector's bundle as intake would have recorded it. */
function admitted(): NewPromotion {
  const target = files.targets.get(good.target);
  assert.ok(target);
  const policy = admissionPolicyOf(target.policy);
  const verified = verifyPromotionBundle({
    ...{ bundle, artifact: { bytes: artifact }, target: good.target, trust: files.trust, now },
    policies: new Map([[good.target, policy]]),
  });
  assert.ok(verified.ok);
  const facts = verified.bundle;
  return {
    id: formatId('prm', randomBytes(10)),
    ...{ target: facts.target, release: facts.release, subjectName: facts.subjectName },
    ...{ artifactDigest: facts.artifactDigest, artifactSize: artifact.length },
    ...{ repository: facts.repository, commit: facts.commit, mainPosition: 7 },
    ...{ pipeline: facts.pipeline, builderId: facts.builderId, keyIds: facts.keyIds },
    ...{ invocationId: facts.invocationId, builtAt: new Date(facts.finishedOn) },
    ...{ requester: facts.requester.id, requesterIdp: facts.requester.idp, reason: facts.reason },
    ...{ requestedAt: new Date(facts.requestedAt), admittedAt: now, reproduce: 1 },
    returns: null,
    expiresAt: new Date(now.getTime() + 86_400_000),
    ...{ bundle, bundleDigest: facts.bundleDigest, envelopeDigest: facts.envelopeDigest },
    ...{ provenanceDigest: facts.provenanceDigest, policyDigest: target.digest },
    ...{ hook: target.policy.deliver.hook, document: Buffer.from('{}'), promotionDigest: sha('d') },
    delta: makeDelta({ base: null, commits: [], files: [], details: noDetails }),
  };
}

async function call(
  agent: Agent,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Buffer }> {
  const outgoing = request(new URL(path, server.url), { method, agent });
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) });
      });
    });
  });
}

function provenance(changes: Partial<BuildFacts> = {}, by: SigningKey = key): string {
  const policy = good.policies[good.target];
  const target = files.targets.get(good.target);
  assert.ok(policy && target);
  const verified = verifyPromotionBundle({
    ...{ bundle, artifact: { bytes: artifact }, target: good.target, trust: files.trust, now },
    policies: new Map([[good.target, admissionPolicyOf(target.policy)]]),
  });
  assert.ok(verified.ok);
  const { repository, ref, commit, pipeline, pipelineBlob, releaseFile } = verified.bundle;
  const built = provenanceStatement({
    subject: { name: promotion.subjectName, sha256: promotion.artifactDigest },
    ...{ builderId, repository, ref, commit, pipeline, pipelineBlob, release: releaseFile },
    invocationId: `${builderId}/1`,
    startedOn: verified.bundle.startedOn,
    finishedOn: verified.bundle.finishedOn,
    ...changes,
  });
  return signEnvelope(intotoPayloadType, built, [by]);
}

const say = (envelope: string, difference: string | null = null, id: string = promotion.id) =>
  call(agents.rebuilder, 'POST', `/v1/rebuilds/${id}`, { provenance: envelope, difference });
const wanted = async (): Promise<unknown> =>
  JSON.parse((await call(agents.rebuilder, 'GET', '/v1/rebuilds')).body.toString());
const other = { subject: { name: 'app.tar.gz', sha256: 'e'.repeat(64) } };

test('a rebuilder learns what waits and asks for it, and nothing once it has answered', async () => {
  assert.deepEqual(await wanted(), {
    rebuilds: [
      {
        promotion: promotion.id,
        repository: promotion.repository,
        commit: promotion.commit,
        pipeline: promotion.pipeline,
        releaseFile: '.airlock/release.yaml',
        artifact: {
          name: promotion.subjectName,
          digest: promotion.artifactDigest,
          size: artifact.length,
        },
      },
    ],
  });
  files = gateFiles([]);
  assert.deepEqual(await wanted(), { rebuilds: [] });
  files = gateFiles();
  assert.equal((await say(provenance())).status, 201);
  assert.deepEqual(await wanted(), { rebuilds: [] });
});

test('an answer is kept verbatim, with its entry for the ledger in the same transaction, and once', async () => {
  const envelope = provenance();
  assert.equal((await say(envelope)).status, 201);
  // ECDSA gives another signature each time; the answer is the same.
  const again = await say(provenance());
  assert.deepEqual([again.status, JSON.parse(again.body.toString())], [200, { outcome: 'agrees' }]);
  const [kept, ...more] = await createRebuildStore(web).of(promotion.id);
  assert.deepEqual(more, []);
  assert.equal(kept?.envelope.toString(), envelope);
  assert.deepEqual([kept.builderId, kept.keyId], [builderId, key.keyid]);
  const pending = await gate.asOwner('select body from ledger_pending');
  const entries = pending.map((row) => parseLedgerEntry(row['body'] as Buffer));
  assert.deepEqual(
    entries.map(({ type, subjectDigest, refs }) => ({ type, subjectDigest, refs })),
    [
      {
        type: 'rebuild.attested',
        subjectDigest: sha256Hex(Buffer.from(envelope)),
        refs: {
          promotion: promotion.id,
          builder: builderId,
          artifact: promotion.artifactDigest,
          outcome: 'agrees',
        },
      },
    ],
  );
  assert.deepEqual(rung, [promotion.id]);
  assert.deepEqual(
    taken.map(({ outcome }) => outcome),
    ['agrees'],
  );
});

test('a builder that says two things is kept with both', async () => {
  const subject = { ...other.subject, name: promotion.subjectName };
  assert.equal((await say(provenance())).status, 201);
  assert.equal((await say(provenance({ subject }))).status, 201);
  assert.equal((await createRebuildStore(web).of(promotion.id)).length, 2);
  assert.deepEqual(
    taken.map(({ outcome, artifactDigest }) => [outcome, artifactDigest]),
    [
      ['agrees', promotion.artifactDigest],
      ['differs', 'e'.repeat(64)],
    ],
  );
});

test('no process of the gate can change or remove what a rebuilder said', async () => {
  await say(provenance());
  for (const statement of [
    `update rebuild set subject_digest = repeat('0', 64)`,
    'delete from rebuild',
  ]) {
    for (const database of [web, intake]) {
      await assert.rejects(database.pool.query(statement), /permission denied/);
    }
    await assert.rejects(gate.asOwner(statement), /is not changed/);
  }
});

const refused: [what: string, code: RegExp, envelope: () => string][] = [
  ['by a key that nobody pinned', /E_KEY_UNKNOWN/, () => provenance({}, stranger)],
  ['about another commit', /E_REBUILD_COMMIT/, () => provenance({ commit: 'f'.repeat(40) })],
  ['of another repository', /E_REPO/, () => provenance({ repository: 'https://git.example/evil' })],
  ['in another builder’s name', /E_REBUILD_BUILDER/, () => provenance({ builderId: 'https://x' })],
  ['that is not an envelope', /E_(JSON|ENVELOPE)/, () => JSON.stringify({ hello: 'there' })],
];
for (const [what, code, envelope] of refused) {
  test(`an answer ${what} is refused and not kept`, async () => {
    const answer = await say(envelope());
    assert.equal(answer.status, 422);
    assert.match(answer.body.toString(), code);
    assert.deepEqual(await createRebuildStore(web).of(promotion.id), []);
    assert.deepEqual(await gate.asOwner('select 1 from ledger_pending'), []);
  });
}

test('a promotion that does not wait, or does not ask this builder, takes no answer and gives no artifact', async () => {
  const paths = [`/v1/rebuilds/${promotion.id}/artifact`, '/v1/rebuilds/prm_0000000000/artifact'];
  const given = await call(agents.rebuilder, 'GET', paths[0] ?? '');
  assert.ok(given.body.equals(artifact));
  assert.equal((await call(agents.rebuilder, 'GET', paths[1] ?? '')).status, 404);
  files = gateFiles([]);
  assert.equal((await call(agents.rebuilder, 'GET', paths[0] ?? '')).status, 404);
  assert.equal((await say(provenance())).status, 404);
  files = gateFiles();
  await gate.asOwner(`update promotion set state = 'expired'`);
  assert.equal((await call(agents.rebuilder, 'GET', paths[0] ?? '')).status, 404);
  assert.equal((await say(provenance())).status, 404);
});

test('only a listed certificate of this edge may call', async () => {
  assert.equal((await call(agents.unlisted, 'GET', '/v1/rebuilds')).status, 403);
  assert.deepEqual(refusedCallers, ['airlock:rebuilder:somebody']);
  await assert.rejects(call(agents.otherEdge, 'GET', '/v1/rebuilds'));
});

test('a body that is too large or of another shape is refused by its form', async () => {
  const large = await say('x'.repeat(600_000));
  assert.equal(large.status, 400);
  const shape = await call(agents.rebuilder, 'POST', `/v1/rebuilds/${promotion.id}`, { hello: 1 });
  assert.equal(shape.status, 400);
});
