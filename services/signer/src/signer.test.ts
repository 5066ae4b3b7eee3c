/** The whole signer on a real repository: from the socket to an envelope that the kernel verifies. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { intotoPayloadType, pipelineBuildType } from '@airlock/common/constants';
import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { signEnvelope } from '@airlock/common/dsse/sign';
import { verifyEnvelope } from '@airlock/common/dsse/verify';
import { runStatement, type RunAttestation } from '@airlock/common/intoto/run';
import { importTrust, keyIdOf, requireWholeTrust } from '@airlock/common/trust/signer';
import { admit } from '@airlock/common/verify/verify-promotion-bundle';
import {
  SignedEnvelope,
  SignerKeys,
  type ProvenanceRequest,
  type TestResultRequest,
} from '@airlock/common/wire/signer-protocol';
import { createMirror, type Mirror } from '@airlock/git/mirror';
import type { RunPlan } from '@airlock/common/wire/run-plan';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planMain } from '@airlock/pipeline/run-plan';
import type { Log } from '@airlock/process/log';
import type { Runners } from './domain/attested-run.ts';
import { createSignerServer } from './http/server.ts';
import { listenOnSocket } from '@airlock/process/unix-socket';
import { loadKeys } from './key/signing-keys.ts';
import { createMainBranch } from './main-branch.ts';
import { createStatementSigner } from './sign.ts';

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const pipeline = '.woodpecker.yaml';
const release = '.airlock/release.yaml';
const pipelineText = 'steps:\n  - { name: package, image: any, commands: [make package] }\n';
const releaseText = `version: 1
artifacts: { app: { path: dist/app.tar.gz } }
releases: { app: { artifacts: [app], promote: [{ target: prod-eu }] } }
`;
const builderIds = {
  main: 'https://n.example/builders/main@v1',
  pr: 'https://n.example/builders/pr@v1',
};

const now = new Date('2026-11-22T12:00:00Z');

const runner = createRunner();

function createRunner() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const keyid = keyIdOf(publicKey);
  const row = {
    ...{ keyid, alg: 'ed25519', roles: ['run'], builderIds: [builderIds.main, builderIds.pr] },
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ...{ notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' },
  };
  const pinned: Runners = { trust: importTrust([row]), nameOf: new Map([[keyid, 'runner-1']]) };
  return { pinned, key: { keyid, privateKey } };
}

let directory: string;
let socketPath: string;
let repository: string;
let server: Server;
let mirror: Mirror;
const commits = { main: '', side: '', pr: '', bare: '' };

function git(...args: string[]): string {
  return execFileSync('git', ['-C', join(directory, 'repository'), ...args], {
    encoding: 'utf8',
    env: {
      ...{ PATH: process.env['PATH'], HOME: directory, GIT_CONFIG_NOSYSTEM: '1' },
      ...{ GIT_AUTHOR_NAME: 'dana', GIT_AUTHOR_EMAIL: 'dana@example' },
      ...{ GIT_COMMITTER_NAME: 'dana', GIT_COMMITTER_EMAIL: 'dana@example' },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

function commit(message: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    const file = join(directory, 'repository', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  git('add', '-A');
  git('commit', '-q', '--allow-empty', '-m', message);
  return git('rev-parse', 'HEAD');
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-signer-'));
  mkdirSync(join(directory, 'repository'));
  repository = `file://${join(directory, 'repository')}`;
  git('init', '-q', '-b', 'main');
  commits.bare = commit('before there was a pipeline', {});
  commit('pipeline', { [pipeline]: pipelineText, [release]: releaseText });
  git('checkout', '-q', '-b', 'feature');
  commits.side = commit('part of a feature', { 'a.txt': 'a' });
  git('checkout', '-q', 'main');
  git('merge', '-q', '--no-ff', '-m', 'merge the feature', 'feature');
  commits.main = git('rev-parse', 'HEAD');
  git('checkout', '-q', '-b', 'proposal');
  commits.pr = commit('a pull request', { 'b.txt': 'b' });
  git('update-ref', 'refs/pull/1/head', commits.pr);
  git('checkout', '-q', 'main');

  const key = (name: string) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const file = join(directory, `${name}.pem`);
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    return file;
  };
  const keys = loadKeys({
    keys: { main: key('main'), pr: key('pr'), test: key('test'), promotion: key('promotion') },
    builderIds,
  });
  mirror = createMirror({
    directory: join(directory, 'mirror.git'),
    url: repository,
    protocols: ['file'],
  });
  const signer = createStatementSigner({
    config: { repository, builderIds },
    keys: keys.signing,
    runners: runner.pinned,
    main: createMainBranch(mirror),
    unisolatedRuns: false,
    now: () => now,
  });
  server = createSignerServer({ signer, keys: keys.published, log: silent });
  socketPath = join(directory, 'run', 'signer.sock');
  await listenOnSocket(server, socketPath);
});

after(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

async function ask(method: string, path: string, body?: unknown) {
  const { status, text } = await new Promise<{ status: number; text: string }>(
    (resolve, reject) => {
      const outgoing = request({ socketPath, method, path }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, text });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(typeof body === 'string' ? body : JSON.stringify(body));
    },
  );
  return { status, json: JSON.parse(text) as unknown };
}

const image = '6'.repeat(64);

function planOf(files: { pipeline: string; release: string }): RunPlan {
  const planned = planMain({
    pipelines: [{ path: '.woodpecker.yaml', text: files.pipeline }],
    release: files.release,
  });
  if (planned.kind !== 'run') throw new Error(JSON.stringify(planned));
  return planned.plan;
}
const plan = planOf({ pipeline: pipelineText, release: releaseText });

/** What `git archive` of a commit is; of one that there is not, anything. */
function sourceOf(commit: string): RunAttestation['source'] {
  if (/^0+$/.test(commit)) return { tree: commit, time: 0 };
  const [tree = '', time] = git('show', '-s', '--format=%T %ct', commit).split(' ');
  return { tree, time: Number(time) };
}

type Changes = Partial<ProvenanceRequest> & { attested?: Partial<RunAttestation> };

/** What nonprod asks for a run that the runner attests just so, but for `attested`. */
function provenance({ attested = {}, ...changes }: Changes): ProvenanceRequest {
  const request = {
    builder: 'main' as const,
    subject: { name: 'app.tar.gz', sha256: 'd'.repeat(64) },
    ...{ repository, ref: 'refs/heads/main', commit: commits.main, pipeline, release },
    claimedPipelineBlob: null,
    invocationId: 'https://n.example/runs/run_1',
    plan,
    ...changes,
  };
  const { ref, commit, invocationId } = request;
  const statement = runStatement(request.subject, {
    ...{ repository: request.repository, ref, commit, pipeline: request.pipeline, image },
    source: sourceOf(commit),
    plan: planDigest(request.plan),
    given: { event: 'push', variables: [] },
    invocationId,
    startedOn: '2026-11-22T10:00:00Z',
    finishedOn: '2026-11-22T10:01:00Z',
    runner: 'runner-1',
    isolation: { mode: 'bubblewrap', enforced: ['no-network'] },
    ...attested,
  });
  return { attestation: signEnvelope(intotoPayloadType, statement, [runner.key]), ...request };
}

function testResult(changes: Changes = {}): TestResultRequest {
  const request: Partial<ProvenanceRequest> & TestResultRequest = provenance(changes);
  delete request.builder;
  delete request.claimedPipelineBlob;
  return request;
}

async function codesOf(changes: Changes): Promise<unknown> {
  const { status, json } = await ask('POST', '/v1/provenance', provenance(changes));
  assert.equal(status, 409);
  assert.ok(typeof json === 'object' && json !== null && 'codes' in json);
  return json.codes;
}

/** What the signer publishes, as a gate would pin it. */
async function pinned() {
  const { keys } = SignerKeys.parse((await ask('GET', '/v1/keys')).json);
  return requireWholeTrust(
    importTrust(
      keys.map((key) => ({
        ...key,
        notBefore: '2026-01-01T00:00:00Z',
        notAfter: '2027-01-01T00:00:00Z',
      })),
    ),
  );
}

/** Verifies as the gate does; gives the statement and who signed. */
async function verified(json: unknown) {
  const trust = await pinned();
  const { envelope } = SignedEnvelope.parse(json);
  assert.ok(!envelope.includes('\n'));
  const parsed = parseEnvelope(Buffer.from(envelope), intotoPayloadType);
  const { payload, signers } = verifyEnvelope(parsed, trust, { receivedAt: now, now });
  const [{ roles, builderIds: ids }] = signers;
  return { statement: payload.toString('utf8'), roles, builderIds: ids };
}

test('a commit of main is signed as main, and the statement has exactly the shape that the gate reads', async () => {
  const { status, json } = await ask('POST', '/v1/provenance', provenance({}));
  assert.equal(status, 200);
  const { statement, roles, builderIds: ids } = await verified(json);
  assert.deepEqual([roles, ids], [['provenance'], [builderIds.main]]);
  const blob = git('rev-parse', `${commits.main}:${pipeline}`);
  assert.equal(
    statement,
    `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app.tar.gz","digest":{"sha256":"${'d'.repeat(64)}"}}],` +
      `"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{` +
      `"buildType":"https://airlock.example/buildtypes/pipeline/v1","externalParameters":{"repository":"${repository}",` +
      `"ref":"refs/heads/main","pipeline":"${pipeline}","release":"${release}"},"internalParameters":{"runner":"runner-1"},` +
      `"resolvedDependencies":[{"uri":"git+${repository}@refs/heads/main","digest":{"gitCommit":"${commits.main}"}},` +
      `{"uri":"file:${pipeline}","digest":{"gitBlob":"${blob}"}},{"uri":"plan:${pipeline}","digest":{"sha256":"${planDigest(plan)}"}},` +
      `{"uri":"oci:runner-image","digest":{"sha256":"${image}"}}]},"runDetails":{"builder":{"id":"${builderIds.main}"},` +
      `"metadata":{"invocationId":"https://n.example/runs/run_1","startedOn":"2026-11-22T10:00:00Z","finishedOn":"2026-11-22T10:01:00Z"}}}}`,
  );
});

test('a run of another plan than main’s files make is refused, and step and command are named', async () => {
  const other = planOf({
    pipeline: pipelineText.replace('make package', 'curl evil'),
    release: releaseText,
  });
  const { status, json } = await ask('POST', '/v1/provenance', provenance({ plan: other }));
  assert.equal(status, 409);
  assert.match(
    JSON.stringify(json),
    /plan-differs.*step package: command 1 \\"make package\\" expected, ran \\"curl evil\\"/,
  );
  assert.equal((await ask('POST', '/v1/test-result', testResult({ plan: other }))).status, 409);
  // Nonprod shows the right plan, the runner ran another one.
  assert.deepEqual(await codesOf({ attested: { plan: planDigest(other) } }), ['plan-differs']);
});

test('a build of other files than the commit has is refused, with the trees of both', async () => {
  const attested = { source: sourceOf(commits.pr) };
  const { status, json } = await ask('POST', '/v1/provenance', provenance({ attested }));
  assert.equal(status, 409);
  const [ours, theirs] = [sourceOf(commits.main).tree, sourceOf(commits.pr).tree];
  assert.match(
    JSON.stringify(json),
    new RegExp(`tree-differs.*names tree ${ours}, the runner unpacked ${theirs}`),
  );
  assert.equal((await ask('POST', '/v1/test-result', testResult({ attested }))).status, 409);
});

test('other bytes than those that the runner hashed are refused', async () => {
  const subject = { name: 'app.tar.gz', sha256: 'e'.repeat(64) };
  const { attestation } = provenance({});
  assert.deepEqual(await codesOf({ subject, attestation }), ['subject-differs']);
});

test('a run that no runner attests, or one of another runner’s key, is refused', async () => {
  assert.deepEqual(await codesOf({ attestation: null }), ['run-unsigned']);
  assert.deepEqual(await codesOf({ attested: { runner: 'runner-2' } }), ['run-key-not-allowed']);
});

test('a run without a sandbox is refused', async () => {
  const isolation = { mode: 'none', enforced: [] } as const;
  assert.deepEqual(await codesOf({ attested: { isolation: { ...isolation, enforced: [] } } }), [
    'isolation-none',
  ]);
});

test('as main, the commit of a pull request is refused', async () => {
  assert.deepEqual(await codesOf({ commit: commits.pr }), ['commit-not-on-main']);
});

test('as main, a commit that came to main inside a merge is refused', async () => {
  assert.deepEqual(await codesOf({ commit: commits.side }), ['commit-not-first-parent']);
});

test('as main, a commit without pipeline and release file is refused with both reasons', async () => {
  assert.deepEqual(await codesOf({ commit: commits.bare }), [
    'pipeline-missing',
    'release-missing',
  ]);
});

test('as main, a pipeline file under a name that git does not have it by is refused', async () => {
  for (const path of [`./${pipeline}`, '.airlock', '.airlock//release.yaml']) {
    assert.deepEqual(await codesOf({ pipeline: path }), ['pipeline-missing'], path);
  }
});

test('as main, a commit that git never had is refused', async () => {
  assert.deepEqual(await codesOf({ commit: '0'.repeat(40) }), ['commit-not-on-main']);
});

test('another repository is refused', async () => {
  assert.deepEqual(await codesOf({ repository: `${repository}/` }), ['repository-unknown']);
});

test('a commit is known as soon as main has it', async () => {
  const fresh = commit('one more', { 'c.txt': 'c' });
  const { status } = await ask('POST', '/v1/provenance', provenance({ commit: fresh }));
  assert.equal(status, 200);
});

test('a pull request is signed by the key of pull requests', async () => {
  const { status, json } = await ask(
    'POST',
    '/v1/provenance',
    provenance({
      ...{ builder: 'pr', ref: 'refs/pull/1/head', commit: commits.pr },
      claimedPipelineBlob: git('rev-parse', `${commits.pr}:${pipeline}`),
    }),
  );
  assert.equal(status, 200);
  const { statement, builderIds: ids } = await verified(json);
  assert.deepEqual(ids, [builderIds.pr]);
  assert.ok(statement.includes(`"builder":{"id":"${builderIds.pr}"}`));
  // The signer's mirror does not have the commit, so that the plan is the runner's word, and the statement says so.
  assert.ok(
    statement.includes('"internalParameters":{"plan":"as the runner attests","runner":"runner-1"}'),
  );
});

test('a test result names the pipeline file as main has it, and is signed by the key of tests', async () => {
  const { status, json } = await ask('POST', '/v1/test-result', testResult());
  assert.equal(status, 200);
  const { statement, roles } = await verified(json);
  assert.deepEqual(roles, ['test']);
  const blob = git('rev-parse', `${commits.main}:${pipeline}`);
  assert.ok(
    statement.endsWith(
      `"predicate":{"result":"PASSED","configuration":[{"name":"${pipeline}","digest":{"gitBlob":"${blob}"}}]}}`,
    ),
  );
});

test('a promotion request is signed by the key of requests, in the order of fields that the gate reads', async () => {
  const { status, json } = await ask('POST', '/v1/promotion-request', {
    provenance: 'e'.repeat(64),
    requestedAt: '2026-11-22T11:00:00Z',
    reason: 'VAT per line',
    requester: { idp: 'https://idp.example/metadata', id: 'dana' },
    release: '2026.11.22-1',
    target: 'prod-eu',
    subject: { name: 'app.tar.gz', sha256: 'd'.repeat(64) },
  });
  assert.equal(status, 200);
  const { statement, roles } = await verified(json);
  assert.deepEqual(roles, ['promotion']);
  assert.ok(
    statement.endsWith(
      `"predicate":{"target":"prod-eu","release":"2026.11.22-1","requester":{"id":"dana","idp":"https://idp.example/metadata"},` +
        `"reason":"VAT per line","requestedAt":"2026-11-22T11:00:00Z","provenance":"${'e'.repeat(64)}"}}`,
    ),
  );
});

test('what is signed for a commit of main makes a bundle that the gate admits; the key of pull requests does not', async () => {
  const artifact = Buffer.from('the artifact');
  const subject = {
    name: 'app.tar.gz',
    sha256: createHash('sha256').update(artifact).digest('hex'),
  };
  const line = async (path: string, body: object): Promise<string> =>
    SignedEnvelope.parse((await ask('POST', path, body)).json).envelope;
  const request = {
    ...{ subject, target: 'prod-eu', release: '2026.11.22-1', reason: 'VAT per line' },
    requester: { id: 'dana', idp: 'https://idp.example/metadata' },
    requestedAt: '2026-11-22T11:00:00Z',
  };
  const facts = await mirror.commitFacts(commits.main, [pipeline]);
  const policy = {
    buildType: pipelineBuildType,
    ...{ builderId: builderIds.main, repository, ref: 'refs/heads/main', pipeline, release },
    ...{ target: 'prod-eu', subjectName: subject.name, threshold: 1 },
    ...{ maxAgeSeconds: 86_400, skewSeconds: 60, requireTests: true, requireSignedCommit: false },
  };
  const judge = async (builder: Changes) => {
    const first = await line('/v1/provenance', provenance({ subject, ...builder }));
    const payload = parseEnvelope(Buffer.from(first), intotoPayloadType).payload;
    const digest = createHash('sha256').update(payload).digest('hex');
    const lines = [
      first,
      await line('/v1/test-result', testResult({ subject })),
      await line('/v1/promotion-request', { ...request, provenance: digest }),
    ];
    const result = admit({
      bundle: Buffer.from(lines.map((text) => `${text}\n`).join('')),
      ...{ artifact: { bytes: artifact }, target: 'prod-eu', trust: await pinned(), now },
      policies: new Map([['prod-eu', policy]]),
      git: () => (facts === null ? null : { ...facts, signed: false }),
      state: {
        ...{ envelopes: new Set<string>(), payloads: new Set<string>() },
        ...{ invocations: new Map<string, string>(), lastPosition: null },
      },
    });
    return result.ok ? 'OK' : result.code;
  };
  assert.equal(await judge({}), 'OK');
  const claimedPipelineBlob = git('rev-parse', `${commits.main}:${pipeline}`);
  const asPullRequest = { builder: 'pr', ref: 'refs/heads/x', claimedPipelineBlob } as const;
  assert.equal(await judge(asPullRequest), 'E_BUILDER_ID');
});

test('the socket is open to its owner alone', () => {
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
});

test('a second signer does not take the socket of a first that listens', async () => {
  const one = { keyid: 'k', privateKey: generateKeyPairSync('ed25519').privateKey };
  const second = createSignerServer({
    signer: createStatementSigner({
      config: { repository, builderIds },
      keys: { main: [one], pr: [one], test: [one], promotion: [one] },
      runners: runner.pinned,
      main: createMainBranch(mirror),
      unisolatedRuns: false,
      now: () => now,
    }),
    keys: { keys: [] },
    log: silent,
  });
  await assert.rejects(listenOnSocket(second, socketPath), {
    code: 'configuration-refused',
    message: /another process listens/,
  });
});

test('what is not a request of this wire is answered as such', async () => {
  assert.equal((await ask('GET', '/v1/provenance')).status, 404);
  assert.equal((await ask('POST', '/v1/provenance', '{')).status, 400);
  const unknownField = { ...provenance({}), builderId: builderIds.main };
  assert.equal((await ask('POST', '/v1/provenance', unknownField)).status, 400);
  assert.equal((await ask('POST', '/v1/provenance', 'x'.repeat(600_000))).status, 400);
});

// Last: it rewrites main.
test('after main was rewritten nothing is signed for it, not even a commit that was on it', async () => {
  git('checkout', '-q', '-B', 'main', commits.bare);
  commit('another history', { [pipeline]: pipelineText, [release]: releaseText });
  const { status, json } = await ask('POST', '/v1/provenance', provenance({}));
  assert.equal(status, 503);
  assert.match(JSON.stringify(json), /git-rewound/);
});
