/**
 * How many bundles a second of processor time admits, beside the bare verification of the very same signatures; the same
 * for approvals; and what history costs.
 */
import { Buffer } from 'node:buffer';
import { verify } from 'node:crypto';
import { verifyApprovals } from '@airlock/common/approval/verify-approvals';
import { intotoPayloadType } from '@airlock/common/constants';
import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { pae } from '@airlock/common/dsse/pae';
import { createApprovalWorld, signedMessage } from '@airlock/common/testing/approval-world';
import { createBundleWorld } from '@airlock/common/testing/bundle-world';
import { importPublicKey } from '@airlock/common/trust/signer';
import { admit, type AdmissionInput } from '@airlock/common/verify/verify-promotion-bundle';
import { interleave, median, perCpuSecond, type Figure } from './harness.ts';

const rounds = 15;
const perRound = 300;

type RawCheck = () => boolean;

/** The signatures of a bundle and nothing else: keys imported, messages made. */
function rawChecks(input: AdmissionInput): readonly RawCheck[] {
  const lines = Buffer.from(input.bundle).toString().trimEnd().split('\n');
  return lines.flatMap((line) => {
    const { payload, signatures } = parseEnvelope(Buffer.from(line), intotoPayloadType);
    const message = pae(intotoPayloadType, payload);
    return signatures.map(({ keyid, sig }) => {
      const signer = input.trust.signers.get(keyid);
      if (signer === undefined) throw new Error(`no key ${keyid} in the bench's trust store`);
      const { alg, key } = signer;
      return alg === 'ed25519'
        ? () => verify(null, message, key, sig)
        : () => verify('sha256', message, { key, dsaEncoding: 'der' }, sig);
    });
  });
}

function hold(condition: boolean): void {
  // A bench of refusals would look splendid.
  if (!condition) throw new Error('what is measured was not accepted');
}

async function* admissions(): AsyncIterable<Figure> {
  const world = createBundleWorld();
  const input = world.input(world.bundle());
  const checks = rawChecks(input);
  const digests = Array.from({ length: 100_000 }, (_, index) =>
    index.toString(16).padStart(64, 'a'),
  );
  const grown: AdmissionInput = {
    ...input,
    state: {
      envelopes: new Set(digests),
      payloads: new Set(digests),
      invocations: new Map(digests.map((digest, index) => [`runs/${index}`, digest])),
      lastPosition: 1,
    },
  };
  const samples = await interleave(rounds, {
    kernel: () =>
      perCpuSecond(perRound, () => {
        hold(admit(input).ok);
      }),
    grown: () =>
      perCpuSecond(perRound, () => {
        hold(admit(grown).ok);
      }),
    raw: () =>
      perCpuSecond(perRound, () => {
        hold(checks.every((check) => check()));
      }),
  });
  const [kernel, after, raw] = [median(samples.kernel), median(samples.grown), median(samples.raw)];
  const what = `${checks.length} envelopes, ${input.bundle.length} bytes`;
  yield {
    name: `admissions per CPU-second (${what})`,
    value: kernel,
    unit: '1/s',
    limit: raw,
    ratio: kernel / raw,
  };
  yield {
    name: 'the same after 100,000 admissions',
    value: after,
    unit: '1/s',
    peer: kernel,
    ratio: after / kernel,
  };
}

async function* approvals(): AsyncIterable<Figure> {
  const { leo, mira, approve, input: inputOf } = createApprovalWorld();
  const evidence = [approve(leo), approve(mira)];
  const input = inputOf(evidence);
  const checks: RawCheck[] = evidence.map((each) => {
    const { publicKeyPem } =
      each.credentialId === leo.credential.id ? leo.credential : mira.credential;
    const key = importPublicKey(publicKeyPem);
    const message = signedMessage(each);
    const signature = Buffer.from(each.signature, 'base64url');
    const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
    return () => verify(algorithm, message, key, signature);
  });
  const samples = await interleave(rounds, {
    kernel: () =>
      perCpuSecond(perRound, () => {
        hold(verifyApprovals(input).ok);
      }),
    raw: () =>
      perCpuSecond(perRound, () => {
        hold(checks.every((check) => check()));
      }),
  });
  const [kernel, raw] = [median(samples.kernel), median(samples.raw)];
  yield {
    name: 'promotions judged per CPU-second (two approvals, P-256 and Ed25519)',
    value: kernel,
    unit: '1/s',
    limit: raw,
    ratio: kernel / raw,
  };
}

export async function* bench(): AsyncIterable<Figure> {
  yield* admissions();
  yield* approvals();
}
