/**
 * For tests only: keys, trust rows, a policy and a maker of bundles, so that a test changes the one thing it is about.
 * No process may import this: it makes keys.
 */
import { Buffer } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import { intotoPayloadType } from '../constants.ts';
import { signEnvelope, type SigningKey } from '../dsse/sign.ts';
import { sha256Hex } from '../encoding/hex.ts';
import { promotionRequestStatement, type PromotionRequest } from '../intoto/promotion-request.ts';
import { testResultStatement } from '../intoto/test-result.ts';
import type { AdmissionPolicy } from '../policy/admission-policy.ts';
import { provenanceStatement, type BuildFacts } from '../slsa/provenance.ts';
import { importTrust, keyIdOf, type SignerRole, type TrustRow } from '../trust/signer.ts';
import type { CommitFacts } from '../verify/decide-admission.ts';
import type { AdmissionInput } from '../verify/verify-promotion-bundle.ts';

export type Signatories = readonly [SigningKey, ...SigningKey[]];

/** What differs from the good bundle. Bytes, where given, are signed as they stand. */
export type BundleChanges = {
  readonly build?: Partial<BuildFacts>;
  readonly request?: Partial<PromotionRequest>;
  readonly testResult?: 'PASSED' | 'FAILED' | 'missing';
  readonly provenanceBytes?: (good: Buffer) => Uint8Array;
  readonly testBytes?: (good: Buffer) => Uint8Array;
  readonly requestBytes?: (good: Buffer) => Uint8Array;
  readonly provenanceKeys?: Signatories;
  readonly testKeys?: Signatories;
  readonly requestKeys?: Signatories;
};

export type BundleWorld = ReturnType<typeof createBundleWorld>;

export function createBundleWorld() {
  const now = new Date('2026-11-22T12:00:00Z');
  const mainBuilder = 'https://nonprod.example/builders/main@v1';
  const prBuilder = 'https://nonprod.example/builders/pr@v1';
  const rows: TrustRow[] = [];
  const enrol = (
    alg: TrustRow['alg'],
    roles: SignerRole[],
    builderIds: string[],
    changes: Partial<TrustRow> = {},
  ): SigningKey => {
    const { publicKey, privateKey } =
      alg === 'ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const keyid = keyIdOf(publicKey);
    rows.push({
      keyid,
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      alg,
      roles,
      builderIds,
      notBefore: '2026-01-01T00:00:00Z',
      notAfter: '2027-01-01T00:00:00Z',
      ...changes,
    });
    return { keyid, privateKey };
  };
  const keys = {
    builder: enrol('ecdsa-p256-sha256', ['provenance'], [mainBuilder]),
    secondBuilder: enrol('ed25519', ['provenance'], [mainBuilder]),
    prBuilder: enrol('ecdsa-p256-sha256', ['provenance', 'test'], [prBuilder]),
    tester: enrol('ecdsa-p256-sha256', ['test'], [mainBuilder]),
    promoter: enrol('ed25519', ['promotion'], []),
  };
  const artifact = Buffer.from('the artifact');
  const subject = { name: 'app.tar.gz', sha256: sha256Hex(artifact) };
  const build: BuildFacts = {
    subject,
    builderId: mainBuilder,
    repository: 'https://git.example/org/app',
    ref: 'refs/heads/main',
    commit: '1'.repeat(40),
    pipeline: '.woodpecker/build.yaml',
    pipelineBlob: 'b'.repeat(40),
    release: '.airlock/release.yaml',
    invocationId: 'https://nonprod.example/runs/1',
    startedOn: '2026-11-22T11:00:00Z',
    finishedOn: '2026-11-22T11:05:00Z',
  };
  const policy: AdmissionPolicy = {
    buildType: 'https://airlock.example/buildtypes/pipeline/v1',
    builderId: mainBuilder,
    repository: build.repository,
    ref: build.ref,
    pipeline: build.pipeline,
    release: build.release,
    target: 'prod-eu',
    subjectName: subject.name,
    threshold: 1,
    maxAgeSeconds: 14 * 86_400,
    skewSeconds: 60,
    requireTests: true,
    requireSignedCommit: true,
  };
  const commitFacts: CommitFacts = {
    onMain: true,
    firstParent: true,
    signed: true,
    position: 10,
    blobs: { [build.pipeline]: build.pipelineBlob },
  };

  const lines = (changes: BundleChanges = {}): string[] => {
    const built = { ...build, ...changes.build };
    const provenance = provenanceStatement(built);
    const provenanceBytes = changes.provenanceBytes?.(provenance) ?? provenance;
    const request = promotionRequestStatement(built.subject, {
      target: policy.target,
      release: '2026.11.22-1',
      requester: { id: 'dana', idp: 'https://idp.example/metadata' },
      reason: 'VAT per line',
      requestedAt: '2026-11-22T11:30:00Z',
      provenance: sha256Hex(provenanceBytes),
      ...changes.request,
    });
    const signed = (bytes: Uint8Array, by: Signatories) =>
      signEnvelope(intotoPayloadType, bytes, by);
    const result = changes.testResult === 'FAILED' ? 'FAILED' : 'PASSED';
    const testResult = testResultStatement({ ...built, result });
    return [
      signed(provenanceBytes, changes.provenanceKeys ?? [keys.builder]),
      ...(changes.testResult === 'missing'
        ? []
        : [
            signed(
              changes.testBytes?.(testResult) ?? testResult,
              changes.testKeys ?? [keys.tester],
            ),
          ]),
      signed(changes.requestBytes?.(request) ?? request, changes.requestKeys ?? [keys.promoter]),
    ];
  };

  return {
    now,
    keys,
    rows,
    artifact,
    build,
    policy,
    commitFacts,
    enrol,
    lines,
    bundle: (changes?: BundleChanges): Buffer => join(lines(changes)),
    /** Everything that `admit` needs for this bundle, all of it good. */
    input: (bundle: Uint8Array, changes: Partial<AdmissionInput> = {}): AdmissionInput => ({
      bundle,
      artifact: { bytes: artifact },
      target: policy.target,
      policies: new Map([[policy.target, policy]]),
      trust: importTrust(rows),
      now,
      git: (commit) => (commit === build.commit ? commitFacts : null),
      state: {
        envelopes: new Set(),
        payloads: new Set(),
        invocations: new Map(),
        lastPosition: null,
      },
      ...changes,
    }),
  };
}

/** Puts envelopes together to a bundle: each line ends in LF. */
export function join(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''), 'utf8');
}
