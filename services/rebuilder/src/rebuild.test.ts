import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { defaultLimits } from '@airlock/build/isolation/limits';
import { noIsolation } from '@airlock/build/isolation/none';
import { prepareWorkDirectory } from '@airlock/build/workspace';
import type { AdmissionPolicy } from '@airlock/common/policy/admission-policy';
import { importTrust, keyIdOf } from '@airlock/common/trust/signer';
import { countBuilders, type BuilderCount } from '@airlock/common/verify/count-builders';
import type { RebuildReport, WantedRebuild } from '@airlock/common/wire/rebuild-protocol';
import { createMirror } from '@airlock/git/mirror';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planMain } from '@airlock/pipeline/run-plan';
import { GateError, type Gate } from './gate-client.ts';
import { rebuild } from './rebuild.ts';

const mainBuilder = 'https://ci.example/main@v1';
const builderId = 'https://audit.example/rebuilder@v1';
const mainKey = generateKeyPairSync('ed25519');
const ownKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const pipeline = `steps:
  - name: pack
    image: any
    commands:
      - tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --mode=u=rw,go=r -cf - data.txt | gzip -n > app.tar.gz
`;
const release = `version: 1
artifacts:
  app:
    path: app.tar.gz
releases:
  app:
    artifacts: [app]
    promote:
      - target: prod
`;

let root: string;
let repository: string;
let ports: Omit<Parameters<typeof rebuild>[0], 'gate'>;
let said: { promotion: string; report: RebuildReport }[] = [];

function git(...args: string[]): string {
  const work = join(root, 'work');
  const identity = ['-c', 'user.name=Dana', '-c', 'user.email=dana@example.com'];
  return execFileSync('git', ['-C', work, ...identity, ...args], { encoding: 'utf8' }).trim();
}

function commit(files: Record<string, string>, ref = 'main'): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, 'work', path)), { recursive: true });
    writeFileSync(join(root, 'work', path), content);
  }
  git('add', '.');
  git('commit', '--quiet', '-m', 'a commit');
  git('push', '--quiet', 'origin', `HEAD:refs/heads/${ref}`);
  return git('rev-parse', 'HEAD');
}

before(async () => {
  mkdirSync('.test', { recursive: true });
  root = mkdtempSync(join(process.cwd(), '.test', 'rebuild-'));
  const bare = join(root, 'app.git');
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', bare]);
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', join(root, 'work')]);
  git('remote', 'add', 'origin', bare);
  repository = pathToFileURL(bare).href;
  const workDirectory = join(root, 'builds');
  await prepareWorkDirectory(workDirectory, defaultLimits);
  const mirror = createMirror({
    ...{ directory: join(root, 'mirror.git'), url: repository, protocols: ['file'] },
  });
  ports = {
    repositories: new Map([[repository, { name: 'org/app', mirror }]]),
    isolation: noIsolation(null),
    ...{ workDirectory, limits: defaultLimits, builderId, machineImage: '6'.repeat(64) },
    key: { keyid: keyIdOf(ownKey.publicKey), privateKey: ownKey.privateKey },
    ...{ timeoutSeconds: 60, maxArtifactBytes: 1_000_000, now: () => new Date() },
  };
});
after(() => {
  rmSync(root, { recursive: true });
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The bytes that an honest main builder makes of a commit whose data is `data`. */
function honest(head: string): Buffer {
  const time = git('log', '-1', '--format=%ct', head);
  const flags = ['--sort=name', `--mtime=@${time}`, '--owner=0', '--group=0', '--mode=u=rw,go=r'];
  const script = `tar "$@" -cf - -C "${join(root, 'work')}" data.txt | gzip -n`;
  return execFileSync('/bin/sh', ['-c', script, 'sh', ...flags], {
    env: { ...process.env, TZ: 'UTC' },
  });
}

async function rebuildOf(
  head: string,
  claimed: Buffer,
  changes: Partial<WantedRebuild> = {},
  fetchArtifact: Gate['fetchArtifact'] = (_, { file }) => writeFile(file, claimed),
) {
  said = [];
  return rebuild(
    {
      ...ports,
      gate: {
        wanted: () => Promise.resolve([]),
        fetchArtifact,
        report: (promotion, report) => {
          said.push({ promotion, report });
          return Promise.resolve();
        },
      },
    },
    {
      ...{ promotion: 'prm_0000000000', repository, commit: head },
      ...{ pipeline: '.woodpecker.yaml', releaseFile: '.airlock/release.yaml' },
      artifact: { name: 'app.tar.gz', digest: sha256(claimed), size: claimed.length },
      ...changes,
    },
    new AbortController().signal,
  );
}

/** What the gate makes of the report. */
function counted(head: string, claimed: Buffer): BuilderCount {
  const policy: AdmissionPolicy = {
    buildType: 'https://airlock.example/buildtypes/pipeline/v1',
    ...{ builderId: mainBuilder, repository, ref: 'refs/heads/main', target: 'prod' },
    ...{ pipeline: '.woodpecker.yaml', release: '.airlock/release.yaml', threshold: 1 },
    ...{ subjectName: 'app.tar.gz', maxAgeSeconds: 3600, skewSeconds: 60 },
    ...{ requireTests: true, requireSignedCommit: false },
  };
  const row = (key: typeof ownKey, alg: string, id: string, adminDomain: string) => ({
    ...{ keyid: keyIdOf(key.publicKey), alg, roles: ['provenance'], builderIds: [id], adminDomain },
    publicKeyPem: key.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ...{ notBefore: '2020-01-01T00:00:00Z', notAfter: '2100-01-01T00:00:00Z' },
  });
  const planned = planMain({ pipelines: [{ path: '.woodpecker.yaml', text: pipeline }], release });
  assert.equal(planned.kind, 'run');
  const [answer] = said;
  assert.ok(answer);
  const { provenance, difference } = answer.report;
  return countBuilders({
    main: {
      ...{ builderId: mainBuilder, keyIds: [keyIdOf(mainKey.publicKey)], commit: head },
      artifactDigest: sha256(claimed),
      pipelineBlob: git('rev-parse', `${head}:.woodpecker.yaml`),
      planDigest: planDigest(planned.plan),
    },
    answers: [
      {
        envelope: Buffer.from(provenance),
        difference: difference === null ? null : Buffer.from(difference),
        ...{ receivedAt: new Date(), isRecorded: true },
      },
    ],
    ...{ of: [builderId], policy, now: new Date() },
    trust: importTrust([
      row(mainKey, 'ed25519', mainBuilder, 'ci'),
      row(ownKey, 'ecdsa-p256-sha256', builderId, 'audit'),
    ]),
  });
}

const files = { '.woodpecker.yaml': pipeline, '.airlock/release.yaml': release };

test('the same bytes are said to be the same, in a form that the gate counts, and nothing is left behind', async () => {
  const head = commit({ ...files, 'data.txt': 'genuine\n' });
  const claimed = honest(head);
  assert.deepEqual(await rebuildOf(head, claimed), {
    ...{ outcome: 'agrees', artifactDigest: sha256(claimed), keptAt: null, unsaid: null },
  });
  const { have, agreeing } = counted(head, claimed);
  assert.equal(have, 2);
  assert.equal(agreeing[0]?.builderId, builderId);
  assert.deepEqual(readdirSync(ports.workDirectory), []);
});

test('other bytes are said to be other, with the file that differs', async () => {
  const head = commit({ ...files, 'data.txt': 'what main says\n' });
  writeFileSync(join(root, 'work/data.txt'), 'what an implant says\n');
  const claimed = honest(head);
  const { outcome, artifactDigest, keptAt } = await rebuildOf(head, claimed);
  assert.equal(outcome, 'differs');
  assert.equal(sha256(readFileSync(keptAt ?? '')), artifactDigest, 'kept for people to look at');
  assert.notEqual(artifactDigest, sha256(claimed));
  const { have, differing } = counted(head, claimed);
  assert.equal(have, 1);
  assert.deepEqual(
    differing[0]?.difference?.files.map(({ path, claimed: a, rebuilt: b }) => [
      ...[path, a?.size, b?.size],
    ]),
    [['data.txt', 'what an implant says\n'.length, 'what main says\n'.length]],
  );
});

test('that the bytes differ is said also where nobody can say in which files', async () => {
  const head = git('rev-parse', 'HEAD');
  const size = 2_000_000;
  const any = Buffer.from('any');
  const artifact = { name: 'app.tar.gz', digest: sha256(any), size };
  const tooLarge = () => Promise.reject(new GateError('gate-artifact-differs', 'too large'));
  const { outcome, unsaid } = await rebuildOf(head, any, { artifact }, tooLarge);
  assert.deepEqual([outcome, unsaid], ['differs', 'too large']);
  assert.equal(counted(head, any).differing[0]?.difference, null);
});

test('a list of what differs fits into what the gate takes, however long its names are', async () => {
  const head = git('rev-parse', 'HEAD');
  const directory = mkdtempSync(join(root, 'long-'));
  const below = join(directory, '€'.repeat(80), '€'.repeat(80));
  mkdirSync(below, { recursive: true });
  for (let index = 0; index < 300; index += 1) {
    const name = `${'€'.repeat(37)}${String.fromCodePoint(0x4e00 + index)}`;
    writeFileSync(join(below, name), 'x'.repeat(100));
  }
  const claimed = execFileSync('tar', ['-czf', '-', '-C', directory, '€'.repeat(80)]);
  const { outcome, unsaid } = await rebuildOf(head, claimed);
  assert.deepEqual([outcome, unsaid], ['differs', null]);
  const { differing } = counted(head, claimed);
  const difference = differing[0]?.difference;
  assert.deepEqual([difference?.added, difference?.files.length], [302, 100]);
});

test('a gate that does not answer is asked again, and nothing is said by halves', async () => {
  const head = git('rev-parse', 'HEAD');
  const away = () => Promise.reject(new GateError('gate-unreachable', 'no answer'));
  await assert.rejects(rebuildOf(head, Buffer.from('any'), {}, away), { code: 'gate-unreachable' });
  assert.deepEqual(said, []);
});

test('only a commit of main in its own mirror is built, by the files at that commit', async () => {
  const head = git('rev-parse', 'HEAD');
  const aside = commit({ 'data.txt': 'aside\n' }, 'feature');
  git('reset', '--quiet', '--hard', head);
  const any = Buffer.from('any');
  const refused: [asked: () => Promise<unknown>, code: string][] = [
    [() => rebuildOf(aside, any), 'rebuild-not-ours'],
    [() => rebuildOf('f'.repeat(40), any), 'rebuild-not-ours'],
    [() => rebuildOf(head, any, { repository: 'https://elsewhere.example' }), 'rebuild-not-ours'],
    [() => rebuildOf(head, any, { pipeline: 'other.yaml' }), 'rebuild-not-ours'],
    [
      () => rebuildOf(head, any, { artifact: { name: 'evil.tar', digest: sha256(any), size: 3 } }),
      'rebuild-no-recipe',
    ],
  ];
  for (const [asked, code] of refused) await assert.rejects(asked(), { code });
  assert.deepEqual(said, []);
});

test('a build that does not pass says so with the last words of its step, and nothing to the gate', async () => {
  const failing = pipeline.replace(/- tar .*/, '- echo no compiler here; exit 3');
  const head = commit({ '.woodpecker.yaml': failing, 'data.txt': 'x' });
  await assert.rejects(rebuildOf(head, Buffer.from('any')), (error: Error) => {
    assert.match(
      error.message,
      /step pack failed with exit code 3; its last words: .*no compiler here/s,
    );
    return true;
  });
  assert.deepEqual(said, []);
});
