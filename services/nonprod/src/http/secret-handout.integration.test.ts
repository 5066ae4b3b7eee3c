import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { Secret } from '@airlock/common/secret';
import { planStep, runPlan } from '@airlock/common/testing/plans';
import { SecretsAnswer } from '@airlock/common/wire/secret-handout';
import { handoutRequest, openHandout } from '@airlock/envelope/handout';
import { newRecipient, type Recipient } from '@airlock/envelope/hpke';
import { startMachineServer, type MachineServer } from '@airlock/process/machine-server';
import { testPostgres } from '@airlock/testkit/stack';
import { createHeadStore } from '../adapters/postgres/head-store.ts';
import { createJobStore } from '../adapters/postgres/job-store.ts';
import { createRepositoryStore } from '../adapters/postgres/repository-store.ts';
import { createSecretReadingStore } from '../adapters/postgres/secret-reading-store.ts';
import { createJobMaskers } from '../app/job-maskers.ts';
import { createHandOutSecrets } from '../app/hand-out-secrets.ts';
import { createLeaseJob } from '../app/lease-job.ts';
import type { NewRun } from '../app/ports.ts';
import { newSecretFilters, type SecretFilters } from '../domain/secret-filter.ts';
import { createEvents } from '../events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newRun, repository, startRun } from '../testing/fixtures.ts';
import type { TrustLevel } from '../domain/trust-level.ts';
import {
  machineClient,
  writeTlsFiles,
  type MachineClient,
  type Pem,
} from '../testing/machine-client.ts';
import { silent, testSecrets } from '../testing/secrets.ts';
import { runnerPrefix } from '../domain/runner.ts';
import { secretHandoutRoutes } from './secret-handout-api.ts';

const serverIdentity = 'airlock:nonprod:runner-api';
const project = repository.name;
const quiet = { ring: () => undefined };
const read: string[] = [];

interface Runner {
  readonly id: string;
  readonly client: MachineClient;
  readonly keyPem: string;
}

let directory: string;
let database: TestDatabase;
let it: ReturnType<typeof testSecrets>;
let server: MachineServer;
let ca: Pem;
let r1: Runner;
let r2: Runner;
let secrets: ReturnType<typeof createHandOutSecrets>;
const maskers = createJobMaskers();

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-handout-'));
  database = await testDatabase(await testPostgres());
  it = testSecrets(database);
  ca = await createCertificateAuthority('runner-edge');
  const issued = await issueCertificate({
    ...{ ca, uriSan: serverIdentity, dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] },
    ...{ usage: 'server', days: 1 },
  });
  secrets = createHandOutSecrets({
    reading: createSecretReadingStore(database.as('nonprod_web')),
    ...{ deks: it.deks, boxes: it.boxes, maskers, now: () => new Date() },
    events: {
      ...createEvents(silent),
      secretRead: (event) => read.push(JSON.stringify(event)),
    },
  });
  server = await startMachineServer({
    setting: 'listener',
    listener: {
      ...{ host: '127.0.0.1', port: 0 },
      ...(await writeTlsFiles(directory, 'server', ca, issued)),
    },
    routes: secretHandoutRoutes(secrets),
    mayCall: (caller) => caller.startsWith(runnerPrefix),
    onRefusedCaller: () => undefined,
    log: silent,
  });
  r1 = await runnerNamed('r1');
  r2 = await runnerNamed('r2');
  await pool('default', 2);
  for (const name of ['NPM', 'SIGN']) await setSecret(name, `value of ${name}`);
});

after(async () => {
  r1.client.close();
  r2.client.close();
  await server.close();
  it.remove();
  await database.close();
  await rm(directory, { recursive: true });
});

async function runnerNamed(id: string): Promise<Runner> {
  const certificate = await issueCertificate({
    ...{ ca, uriSan: `${runnerPrefix}${id}`, dnsNames: [], ipAddresses: [] },
    ...{ usage: 'client', days: 1 },
  });
  const files = await writeTlsFiles(join(directory, id), 'client', ca, certificate);
  const keyPem = await readFile(files.keyFile, 'utf8');
  return { id, client: machineClient(server.url, files, serverIdentity), keyPem };
}

async function pool(name: string, trust: number): Promise<void> {
  await database.as('owner').pool.create({
    data: {
      ...{ name, trust, isolation: 'bubblewrap', once: false, everyone: false },
      images: [],
      labels: {},
    },
  });
}

async function setSecret(
  name: string,
  value: string,
  filters: Partial<SecretFilters> = {},
): Promise<void> {
  const answer = await it.manage.set({
    ...{ project, name, description: '', kind: 'value', person: 'oke' },
    value: new Secret(value),
    filters: { ...newSecretFilters, ...filters },
  });
  assert.equal(answer.kind, 'set');
}

const plan = runPlan([
  planStep('test', {}),
  planStep('publish', { environment: { NPM_TOKEN: { secret: 'NPM' }, KEY: { secret: 'SIGN' } } }),
]);

const trustOf = (level: TrustLevel): NewRun['trust'] => ({
  ...{ level, why: 'told so', files: 'own', filesCommit: 'a'.repeat(40), notes: [] },
});

/** A run that `runner` has a lease on. */
async function leased(
  change: Parameters<typeof startRun>[1] & { readonly level?: TrustLevel | null } = {},
  runner = r1,
): Promise<{ run: NewRun; jobId: string; lease: number }> {
  const { level = 3, ...rest } = change;
  const run = await startRun(database, { plan, trust: trustOf(level ?? 3), ...rest });
  if (level === null) {
    await database.as('owner').runTrust.delete({ where: { runId: run.id } });
  }
  const jobs = createJobStore(database.as('nonprod_web'));
  const claimed = await jobs.claim({
    runner: runner.id,
    pool: run.jobs[0]?.pool ?? '',
    leaseSeconds: 60,
  });
  assert.equal(claimed?.runId, run.id);
  return { run, jobId: claimed.jobId, lease: claimed.lease };
}

async function ask(
  { id, client, keyPem }: Runner,
  job: { readonly jobId: string; readonly lease: number },
  {
    step = 'publish',
    recipient = newRecipient(),
    signed = {},
  }: {
    readonly step?: string;
    readonly recipient?: Recipient;
    readonly signed?: { readonly job?: string; readonly step?: string; readonly keyPem?: string };
  } = {},
) {
  const { lease, jobId } = job;
  const { publicKey } = recipient;
  const bytes = handoutRequest({ ...{ job: jobId, lease, step }, ...signed }, publicKey);
  const key = createPrivateKey(signed.keyPem ?? keyPem);
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const answer = await client.call('POST', `/v1/jobs/${jobId}/secrets`, {
    ...{ lease, step, publicKey: publicKey.toString('base64') },
    signature: sign(algorithm, bytes, key).toString('base64'),
  });
  const open = (run: string, as = id): Record<string, string> => {
    const { key: sealed, secrets: given } = SecretsAnswer.parse(answer.json);
    const opened = openHandout(
      { run, job: jobId, lease, step },
      { runner: as, recipient },
      {
        key: Buffer.from(sealed, 'base64'),
        boxes: given.map(({ name, box }) => ({ name, box: Buffer.from(box, 'base64') })),
      },
    );
    return Object.fromEntries([...opened].map(([name, value]) => [name, value.toString()]));
  };
  return { ...answer, open };
}

test('a step is given the secrets that it names, once, and again to the next lease', async () => {
  const job = await leased();
  const first = await ask(r1, job);
  assert.equal(first.status, 200);
  assert.deepEqual(first.open(job.run.id), { NPM: 'value of NPM', SIGN: 'value of SIGN' });
  assert.ok(!first.body.includes('value of'));
  // What a job was handed is masked in its log at intake too.
  const { jobId, lease } = job;
  assert.equal(maskers.of({ jobId, lease }).text('value of NPM!'), '[masked]!');

  const second = await ask(r1, job);
  assert.equal(second.status, 410);
  assert.match(second.body.toString(), /secret-taken/);

  await database.as('owner').job.update({
    where: { id: job.jobId },
    data: { state: 'queued', runner: null, leaseExpiresAt: null },
  });
  const jobs = createJobStore(database.as('nonprod_web'));
  const again = await jobs.claim({ runner: 'r2', pool: 'default', leaseSeconds: 60 });
  assert.ok(again !== null && again.jobId === job.jobId);
  assert.equal((await ask(r1, job)).status, 409);
  assert.deepEqual((await ask(r2, again)).open(job.run.id), first.open(job.run.id));
});

test('a lease that has run out opens nothing, before anybody has taken the job back', async () => {
  const job = await leased();
  const owner = database.as('owner');
  const where = { id: job.jobId };
  await owner.job.update({ where, data: { leaseExpiresAt: new Date(Date.now() - 1000) } });
  assert.equal((await ask(r1, job)).status, 409);
  assert.equal(await owner.secretHandout.count({ where: { jobId: job.jobId } }), 0);
  await owner.job.update({ where, data: { leaseExpiresAt: new Date(Date.now() + 60_000) } });
  assert.equal((await ask(r1, job)).status, 200);
});

test('who reads what is written down by name, and marks the run post-review for good', async () => {
  const job = await leased();
  read.length = 0;
  await ask(r1, job);
  assert.deepEqual(
    read.map((line) => JSON.parse(line) as unknown),
    ['NPM', 'SIGN'].map((name) => ({
      ...{ project, name, version: 1, runId: job.run.id, jobId: job.jobId },
      ...{ step: 'publish', runner: 'r1' },
    })),
  );
  const trust = await database
    .as('nonprod_web')
    .runTrust.findUnique({ where: { runId: job.run.id } });
  assert.equal(trust?.postReviewWhy, 'read NPM, SIGN');
  const shown = await it.secrets.versions(project, 'NPM', []);
  assert.equal(shown?.secret.lastRead?.runId, job.run.id);
  assert.deepEqual([shown.reads[0]?.step, shown.reads[0]?.version], ['publish', 1]);
});

test('a stolen lease without the runner’s certificate is given nothing', async () => {
  const job = await leased();
  assert.equal((await ask(r2, job)).status, 409);
  assert.equal((await ask(r2, job, { signed: { keyPem: r1.keyPem } })).status, 403);
  assert.equal((await ask(r1, job)).status, 200);
});

test('a stolen answer does not open without the runner’s own key of that step', async () => {
  const job = await leased();
  const answer = await ask(r1, job);
  const { key, secrets: given } = SecretsAnswer.parse(answer.json);
  const handout = {
    key: Buffer.from(key, 'base64'),
    boxes: given.map(({ name, box }) => ({ name, box: Buffer.from(box, 'base64') })),
  };
  const place = { run: job.run.id, job: job.jobId, lease: job.lease, step: 'publish' };
  assert.throws(() => openHandout(place, { runner: 'r1', recipient: newRecipient() }, handout), {
    code: 'envelope-unopenable',
  });
  assert.throws(() => answer.open(job.run.id, 'r2'), { code: 'envelope-unopenable' });
});

test('a signature for another job or step, and one of another key, counts for nothing', async () => {
  const job = await leased();
  const others = [{ job: 'job_0000000000' }, { step: 'test' }, { keyPem: r2.keyPem }];
  for (const signed of others) {
    const answer = await ask(r1, job, { signed });
    assert.equal(answer.status, 403);
    assert.match(answer.body.toString(), /not signed with the key/);
  }
  assert.equal((await ask(r1, job)).status, 200);
});

test('a step is given nothing that it does not name, and one without secrets nothing at all', async () => {
  const job = await leased();
  for (const step of ['test', 'nobody']) {
    assert.equal((await ask(r1, job, { step })).status, 403);
  }
});

for (const [claim, change, rule] of [
  ['a stranger’s run', { level: 0 }, /of a fork/],
  ['a run of which nobody decided whose it is', { level: null }, /of a fork/],
  ['a branch that is not protected', { level: 2, ref: 'refs/heads/x', branch: 'x' }, /x is none/],
  ['a pull request', { level: 1, event: 'pull_request' }, /not for pull_request/],
] as const) {
  test(`${claim} is given nothing, and told which rule`, async () => {
    const job = await leased(change);
    const answer = await ask(r1, job);
    assert.equal(answer.status, 403);
    assert.match(answer.body.toString(), rule);
    assert.equal(
      await database.as('owner').secretHandout.count({ where: { jobId: job.jobId } }),
      0,
    );
  });
}

test('a pool below the trust that a secret asks for is given nothing', async () => {
  await pool('open', 0);
  const answer = await ask(r1, await leased({ pool: 'open' }));
  assert.equal(answer.status, 403);
  assert.match(answer.body.toString(), /needs a pool of trust 2 or more, and open has 0/);
});

test('a job whose step may not read what it asks for ends before anything of it runs, and says every rule', async () => {
  const { id } = await startRun(database, {
    plan,
    ref: 'refs/heads/y',
    branch: 'y',
    pool: 'early',
    trust: trustOf(2),
  });
  const jobs = createJobStore(database.as('nonprod_web'));
  const lease = createLeaseJob(
    {
      ...{
        jobs,
        events: createEvents(silent),
        bell: quiet,
        work: quiet,
        secrets,
        baitFor: () => [],
      },
      mirrors: { of: () => ({ commitObject: () => Promise.resolve(Buffer.from('a commit')) }) },
    },
    { origin: 'https://ci.example', leaseSeconds: 60, timeoutSeconds: 60, maxArtifactBytes: 1 },
  );
  assert.equal(await lease('r1', 'early'), null);
  const run = await database
    .as('owner')
    .run.findUniqueOrThrow({ where: { id }, include: { jobs: true } });
  assert.equal(run.state, 'failed');
  assert.match(
    run.jobs[0]?.reason ?? '',
    /^Step publish was not started: secret NPM is for protected .* Step publish was not started: secret SIGN/,
  );
});

test('an erased secret is one that is not set', async () => {
  await setSecret('GONE', 'value of GONE');
  await it.manage.erase(project, 'GONE', 'oke');
  const asking = runPlan([planStep('publish', { environment: { G: { secret: 'GONE' } } })]);
  const answer = await ask(r1, await leased({ plan: asking }));
  assert.equal(answer.status, 403);
  assert.match(answer.body.toString(), /GONE is not set for shop\/web, or was erased/);
});

test('another repository is given a secret when it has every label that this names, and by its own runs’ filters', async () => {
  const other = { ...repository, name: 'shop/api', url: 'https://git.example/shop/api.git' };
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  await heads.ensureRepository(other);
  await setSecret('SHARED', 'value of SHARED', { labels: ['team=web', 'zone=eu'] });
  const asking = runPlan([planStep('publish', { environment: { G: { secret: 'SHARED' } } })]);
  const repositories = createRepositoryStore(database.as('nonprod_web'));
  const asked = async (level: TrustLevel, labels: string[]) => {
    assert.equal(await repositories.setLabels(other.name, labels), true);
    const run = newRun({ repository: other.name, plan: asking, trust: trustOf(level) });
    await heads.advance(other.name, { ref: run.ref, commit: run.commit }, run);
    const jobs = createJobStore(database.as('nonprod_web'));
    const job = await jobs.claim({ runner: 'r1', pool: 'default', leaseSeconds: 60 });
    assert.equal(job?.runId, run.id);
    return { run, answer: await ask(r1, job) };
  };
  for (const labels of [[], ['team=web'], ['zone=eu', 'team=web2']]) {
    const { answer } = await asked(3, labels);
    assert.equal(answer.status, 403, labels.join());
    assert.match(answer.body.toString(), /SHARED is not set for shop\/api/);
  }
  const both = ['team=web', 'zone=eu'];
  assert.match((await asked(2, both)).answer.body.toString(), /SHARED is for protected branches/);
  assert.match((await asked(0, both)).answer.body.toString(), /of a fork/);
  const { run, answer } = await asked(3, both);
  assert.deepEqual(answer.open(run.id), { SHARED: 'value of SHARED' });

  const seen = await it.secrets.versions(project, 'SHARED', []);
  assert.deepEqual(
    seen?.reads.map(({ runId }) => runId),
    [run.id],
  );
  const unseen = await it.secrets.versions(project, 'SHARED', [other.name]);
  assert.deepEqual([unseen?.reads, unseen?.secret.lastRead], [[], null]);
  await it.manage.erase(project, 'SHARED', 'oke');
  assert.match((await asked(3, both)).answer.body.toString(), /SHARED is not set for shop\/api/);
});

test('a secret of one’s own comes before another repository’s of that name', async () => {
  const taken = 'value of another’s NPM';
  await it.manage.set({
    ...{ project: 'shop/aaa', name: 'NPM', description: '', kind: 'value', person: 'oke' },
    value: new Secret(taken),
    filters: { ...newSecretFilters, labels: ['team=web'] },
  });
  const repositories = createRepositoryStore(database.as('nonprod_web'));
  assert.equal(await repositories.setLabels(project, ['team=web']), true);
  const job = await leased();
  assert.equal((await ask(r1, job)).open(job.run.id)['NPM'], 'value of NPM');
});
