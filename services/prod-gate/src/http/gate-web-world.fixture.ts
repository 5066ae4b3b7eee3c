/** The files, the roster and the mirror that the tests of the gate's web stand on: those of the vector whose promotion is fit for delivery. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { configurationPayloadType, intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope } from '@airlock/common/dsse/sign';
import { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { manifestBytes } from '@airlock/common/trust/configuration-manifest';
import { keyIdOf } from '@airlock/common/trust/signer';
import { parseConfig } from '@airlock/process/config';
import { createLog } from '@airlock/process/log';
import { stringify } from 'yaml';
import type { AttestationSigner } from '../app/attestation-ports.ts';
import type { Mirror } from '../app/intake-ports.ts';
import type { GateFiles } from '../app/configuration-ports.ts';
import { built, filesOf, mirrorOf, plannedVector, sha } from '../app/vectors.fixture.ts';

export const good = plannedVector();
export const now = new Date(good.now);
export const target = good.target;
export const { privateKey } = generateKeyPairSync('ed25519');
export const signer = { name: 'gate.example/ledger', privateKey };
export const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

export function person(id: string, roles: string[]) {
  const name = id.charAt(0).toUpperCase() + id.slice(1);
  return { id, name, nameId: `${id}@idp.example`, roles, gitEmails: [`${id}@example.com`] };
}

/** dana asked for it, rita wrote some of it; both could decide about anything else. */
export const rosterFile = Buffer.from(
  stringify({
    version: 1,
    people: [
      person('dana', ['developer', 'release-manager']),
      person('rita', ['developer', 'release-manager']),
      person('devi', ['developer']),
      person('leo', ['release-manager']),
      person('mira', ['release-manager']),
      person('sam', ['security']),
      person('oke', ['platform']),
      person('aud', ['auditor']),
    ],
    commitKeys: [
      {
        ...{ key: built.key, owner: 'dana' },
        ...{ notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' },
      },
    ],
  }),
);
export const policy = good.policies[target];
assert.ok(policy);
export const policyFile = Buffer.from(
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
export const files: GateFiles = {
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

export const commitOnMain = {
  authorName: 'Rita',
  authorEmail: 'rita@example.com',
  committerEmail: 'dana@example.com',
  subject: '<b>VAT</b> per \u202eline',
  committedAt: '2026-11-21T10:00:00Z',
};
export const mirror: Mirror = {
  ...mirrorOf(good),
  log: ({ to }) => Promise.resolve([{ ...commitOnMain, commit: to }]),
  changedFiles: () =>
    Promise.resolve([{ path: 'migrations/0004_vat.sql', status: 'A', added: 12, removed: 0 }]),
};
export const trustFile = Buffer.from(JSON.stringify({ version: 1, signers: good.trust }));
export const kept = (digest: string): Promise<Buffer | null> =>
  Promise.resolve(
    [policyFile, rosterFile, trustFile, built.object].find((bytes) => sha(bytes) === digest) ??
      null,
  );
export const administrators = ['ada', 'ben'].map((name) => {
  const { publicKey, privateKey: key } = generateKeyPairSync('ed25519');
  const keyid = keyIdOf(publicKey);
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return {
    row: { keyid, publicKeyPem, alg: 'ed25519' as const, adminDomain: name, name },
    signing: { keyid, privateKey: key },
  };
});
export const configuration = signedManifest();
export function signedManifest(): { digest: string; envelope: Buffer } {
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
export const attestationKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const attestationKeyId = keyIdOf(attestationKeys.publicKey);
export const attestationSigner: AttestationSigner = {
  keyid: attestationKeyId,
  sign: (statement) =>
    Buffer.from(
      signEnvelope(intotoPayloadType, statement, [
        { keyid: attestationKeyId, privateKey: attestationKeys.privateKey },
      ]),
    ),
};
