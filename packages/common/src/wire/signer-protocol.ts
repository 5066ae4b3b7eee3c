/**
 * What nonprod's scheduler asks of the signer (HTTP over a unix socket with file permissions as access control).
 *
 *   POST /v1/provenance          ProvenanceRequest → 200 SignedEnvelope | 409 problem run-unsigned, plan-differs, commit-not-on-main, …
 *   POST /v1/test-result         TestResultRequest → 200 SignedEnvelope
 *   POST /v1/promotion-request   PromotionRequestRequest → 200 SignedEnvelope
 *   GET  /v1/keys                → 200 SignerKeys
 *
 * The signer builds every statement itself; for builder `main` it reads the commit, the ref and the pipeline's blob from
 * its own git mirror, compiles the plan from the files there, and takes what git cannot know (artifact, times, runner image)
 * from the attestation that the runner signed.
 */
import { z } from 'zod';
import { RunPlan } from './run-plan.ts';
import { maxAttestationLength } from './runner-protocol.ts';
import { ArtifactName, GitCommit, RepositoryPath, Sha256Hex, Timestamp } from './scalars.ts';

const Subject = z.strictObject({ name: ArtifactName, sha256: Sha256Hex });

/** A run as nonprod has it on record. Every field is compared with what the runner attests; none is signed for itself. */
const recordedRun = {
  subject: Subject,
  repository: z.string().max(1024),
  ref: z.string().max(255),
  commit: GitCommit,
  pipeline: RepositoryPath,
  release: RepositoryPath,
  invocationId: z.string().max(255),
  /** The run attestation, one DSSE envelope as one line of JSON; null when the run has none. */
  attestation: z.string().max(maxAttestationLength).nullable(),
  /** What nonprod says the runner was given. Only used to say where it differs from the files at the commit. */
  plan: RunPlan,
};

export const ProvenanceRequest = z.strictObject({
  /** `main` is signed by the pinned builder key after the git check; `pr` by the level-1 key that no target accepts. */
  builder: z.enum(['main', 'pr']),
  ...recordedRun,
  /** For `pr` only, as claimed by nonprod: the signer's mirror holds main alone. Ignored for `main`. */
  claimedPipelineBlob: GitCommit.nullable(),
});
export type ProvenanceRequest = z.infer<typeof ProvenanceRequest>;

/** For runs of main alone. A run is attested only when every step of it passed, so that passed is what is stated. */
export const TestResultRequest = z.strictObject(recordedRun);
export type TestResultRequest = z.infer<typeof TestResultRequest>;

export const PromotionRequestRequest = z.strictObject({
  subject: Subject,
  target: z.string().max(63),
  release: z.string().max(128),
  requester: z.strictObject({ id: z.string().max(255), idp: z.string().max(1024) }),
  reason: z.string().max(1000),
  requestedAt: Timestamp,
  /** SHA-256 of the provenance payload. */
  provenance: Sha256Hex,
});
export type PromotionRequestRequest = z.infer<typeof PromotionRequestRequest>;

/** One DSSE envelope as one line of JSON, without the line feed. */
export const SignedEnvelope = z.strictObject({ envelope: z.string().max(262_144) });
export type SignedEnvelope = z.infer<typeof SignedEnvelope>;

export const SignerKeys = z.strictObject({
  keys: z.array(
    z.strictObject({
      keyid: z.string(),
      publicKeyPem: z.string(),
      alg: z.enum(['ecdsa-p256-sha256', 'ed25519']),
      roles: z.array(z.enum(['provenance', 'test', 'promotion'])),
      builderIds: z.array(z.string()),
    }),
  ),
});
export type SignerKeys = z.infer<typeof SignerKeys>;
