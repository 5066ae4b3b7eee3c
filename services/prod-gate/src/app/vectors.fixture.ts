/** The conformance vectors as intake meets them: the same bytes, with the target file and the mirror that they imply. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { TargetPolicy } from '@airlock/common/policy/target-policy';
import { createBundleWorld } from '@airlock/common/testing/bundle-world';
import { signedCommit } from '@airlock/common/testing/signed-commit';
import { importTrust, TrustRow } from '@airlock/common/trust/signer';
import type { CommitFacts } from '@airlock/common/verify/decide-admission';
import type { OutboxItem } from '@airlock/common/wire/outbox';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planMain } from '@airlock/pipeline/run-plan';
import { z } from 'zod';
import { outboxItemHash } from '../domain/outbox-chain.ts';
import type { Mirror } from './intake-ports.ts';
import type { GateFiles } from './configuration-ports.ts';

/** The form of the conformance vectors, as far as it is used here (tests/vectors/README.md). */
const Vector = z.looseObject({
  id: z.string(),
  expect: z.string(),
  now: z.string(),
  target: z.string(),
  bundle: z.base64(),
  artifact: z.base64(),
  trust: z.array(TrustRow),
  policies: z.record(
    z.string(),
    z.looseObject({
      builderId: z.string(),
      repository: z.string(),
      pipeline: z.string(),
      release: z.string(),
      subjectName: z.string(),
      threshold: z.number(),
      maxAgeSeconds: z.number(),
    }),
  ),
  git: z.object({ commits: z.record(z.string(), z.custom<CommitFacts>()) }),
  state: z.object({
    envelopes: z.array(z.string()),
    payloads: z.array(z.string()),
    invocations: z.record(z.string(), z.string()),
    lastPosition: z.number().nullable(),
  }),
});
export type Vector = z.infer<typeof Vector>;

const directory = new URL('../../../../tests/vectors/admission/', import.meta.url);
export const vectors = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => Vector.parse(JSON.parse(readFileSync(new URL(name, directory), 'utf8'))));

export const sha = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

export function vectorNamed(id: string): Vector {
  const found = vectors.find((vector) => vector.id === id);
  assert.ok(found, `vector ${id}`);
  return found;
}

/** The target file that says what the vector's policy says. */
function targetFile(target: string, policy: Vector['policies'][string]): TargetPolicy {
  return TargetPolicy.parse({
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
          images: [`sha256:${runnerImage}`],
        },
        maxAge: `${policy.maxAgeSeconds}s`.replace('1209600s', '14d'),
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
  });
}

export function filesOf(vector: Vector): GateFiles {
  return {
    targets: new Map(
      Object.entries(vector.policies).map(([target, policy]) => [
        target,
        { policy: targetFile(target, policy), digest: sha(target) },
      ]),
    ),
    roster: {
      roster: { version: 1, people: [], commitKeys: [], acceptedMains: [] },
      digest: sha('roster'),
    },
    trust: importTrust(vector.trust),
    manifest: {
      serial: 1,
      previous: null,
      digest: sha('manifest'),
      signers: ['one', 'two'],
      envelope: Buffer.from('{}'),
    },
    trustDigest: sha('trust'),
    bytes: new Map(),
    hookDigest: () => Promise.resolve('a'.repeat(64)),
    hookKind: () => Promise.resolve('at-most-once'),
  };
}

/** A mirror that answers what the vector says it would; the real one has its own tests. */
export function mirrorOf(
  vector: Vector,
  head = '7fd1a60b01f91b314f59955a4e4d4e80d8edf11d',
): Mirror {
  return {
    fetch: () => Promise.resolve({ head, previous: null }),
    mainHead: () => Promise.resolve(head),
    acceptRewrite: () => Promise.reject(new Error('no vector rewrites main')),
    commitFacts: (commit) => Promise.resolve(vector.git.commits[commit] ?? null),
    signature: (commit) =>
      Promise.resolve(
        vector.git.commits[commit]?.signed === true
          ? { signed: true, fingerprint: 'SHA256:vector', owner: 'forge' }
          : { signed: false, reason: 'is unsigned, says the vector' },
      ),
    commitObject: () => Promise.resolve(built.object),
    log: ({ to }) =>
      Promise.resolve([
        {
          commit: to,
          authorName: 'Dana',
          authorEmail: 'dana@example.com',
          committerEmail: 'dana@example.com',
          subject: 'VAT per line',
          committedAt: '2026-11-21T10:00:00Z',
        },
      ]),
    changedFiles: () => Promise.resolve([]),
    readBlob: (_, path) => Promise.resolve(files.get(path) ?? null),
    reverts: () => Promise.resolve([]),
    allFiles: () => Promise.resolve([...files.keys()]),
    listFiles: (_, directory) =>
      Promise.resolve([...files.keys()].filter((path) => dirname(path) === (directory || '.'))),
  };
}

/** What the mirror has at every commit. */
const files = new Map([
  [
    '.woodpecker/build.yaml',
    Buffer.from('steps:\n  - { name: package, image: any, commands: [make package] }\n'),
  ],
  [
    '.airlock/release.yaml',
    Buffer.from(
      'version: 1\nartifacts: { app: { path: dist/app.tar.gz } }\nreleases: { app: { artifacts: [app] } }\n',
    ),
  ],
]);
const runnerImage = '6'.repeat(64);

function planOfFiles(): string {
  const text = (path: string): string | null => files.get(path)?.toString('utf8') ?? null;
  const path = '.woodpecker/build.yaml';
  const planned = planMain({
    pipelines: [{ path, text: text(path) ?? '' }],
    release: text('.airlock/release.yaml'),
  });
  assert.ok(planned.kind === 'run');
  return planDigest(planned.plan);
}

/**
 * The vectors are older than plans: no provenance of theirs states one, so that intake admits none of them. This is G01
 * as a signer of today makes it.
 *
 * @param changes what the provenance says otherwise of plan and runner.
 */
export function plannedVector(changes: { planDigest?: string; runnerImage?: string } = {}): Vector {
  const good = vectorNamed('G01');
  const { commit } = built;
  const facts = good.git.commits['7fd1a60b01f91b314f59955a4e4d4e80d8edf11d'];
  assert.ok(facts);
  const bundle = world.bundle({
    build: {
      commit,
      pipelineBlob: facts.blobs['.woodpecker/build.yaml'] ?? '',
      startedOn: '2026-11-21T11:00:00Z',
      finishedOn: '2026-11-21T11:05:00Z',
      ran: { planDigest: planOfFiles(), runnerImage, planRederived: true, ...changes },
    },
    request: { release: '2026.11.21-3', requestedAt: '2026-11-21T11:30:00Z' },
  });
  return {
    ...good,
    git: { commits: { ...good.git.commits, [commit]: facts } },
    bundle: bundle.toString('base64'),
    artifact: world.artifact.toString('base64'),
    trust: world.rows,
  };
}

const world = createBundleWorld();
/** The commit that `plannedVector` was built from. */
export const built = signedCommit('dana@example.com');

export function itemOf(vector: Vector, chain: { seq: number; prevHash: string }): OutboxItem {
  const bundle = Buffer.from(vector.bundle, 'base64');
  const artifact = Buffer.from(vector.artifact, 'base64');
  const item = {
    ...chain,
    id: 'prq_0000000000',
    createdAt: '2026-11-21T11:59:00Z',
    bundle: { digest: sha(bundle), size: bundle.length },
    artifact: { digest: sha(artifact), size: artifact.length },
    claimedTarget: vector.target,
  };
  return { ...item, hash: outboxItemHash(item) };
}
