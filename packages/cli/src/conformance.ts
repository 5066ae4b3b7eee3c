/**
 * `airlock conformance`: runs language-neutral cases through the code that the gate runs. The form of a case is described
 * in tests/vectors/README.md.
 */
import { z } from 'zod';
import { ApprovalEvidence, verifyApprovals } from '@airlock/common/approval/verify-approvals';
import { decodeBase64 } from '@airlock/common/encoding/base64';
import { importTrust } from '@airlock/common/trust/signer';
import { admit } from '@airlock/common/verify/verify-promotion-bundle';

export type ConformanceKind = 'admission' | 'approval';

const AdmissionCase = z.object({
  id: z.string(),
  expect: z.string(),
  now: z.string(),
  target: z.string(),
  bundle: z.string(),
  artifact: z.string(),
  trust: z.array(z.unknown()),
  policies: z.record(
    z.string(),
    z.strictObject({
      buildType: z.string(),
      builderId: z.string(),
      repository: z.string(),
      ref: z.string(),
      pipeline: z.string(),
      release: z.string(),
      target: z.string(),
      subjectName: z.string(),
      threshold: z.number().int().min(1),
      maxAgeSeconds: z.number(),
      skewSeconds: z.number(),
      requireTests: z.boolean(),
      requireSignedCommit: z.boolean(),
    }),
  ),
  git: z.strictObject({
    commits: z.record(
      z.string(),
      z.strictObject({
        onMain: z.boolean(),
        firstParent: z.boolean(),
        signed: z.boolean(),
        position: z.number().int(),
        blobs: z.record(z.string(), z.string()),
      }),
    ),
  }),
  state: z.strictObject({
    envelopes: z.array(z.string()),
    payloads: z.array(z.string()),
    invocations: z.record(z.string(), z.string()),
    lastPosition: z.number().int().nullable(),
  }),
});

const ApprovalCase = z.object({
  id: z.string(),
  expect: z.string(),
  now: z.string(),
  promotion: z.string(),
  target: z.string(),
  need: z.number().int().min(1),
  requester: z.string(),
  authors: z.array(z.string()),
  usedNonces: z.array(z.string()),
  credentials: z.array(
    z.strictObject({
      id: z.string(),
      approver: z.string(),
      publicKeyPem: z.string(),
      rpId: z.string(),
      origins: z.array(z.string()),
      signCount: z.number().int().nonnegative(),
      roles: z.array(z.string()),
      revokedAt: z.string().optional(),
    }),
  ),
  approvals: z.array(ApprovalEvidence),
});

/** The role that the approval cases ask for; they do not state it. */
const approverRole = 'release-manager';

/**
 * Runs every case and says what came out.
 *
 * @param cases name (a file name) and JSON text; a text that is not a case of this kind counts as failed.
 * @returns one line a case, `id expected got`, and a last line `N passed, N failed`.
 */
export function runConformance(
  kind: ConformanceKind,
  cases: readonly { readonly name: string; readonly text: string }[],
): { lines: string[]; passed: number; failed: number } {
  const lines: string[] = [];
  let passed = 0;
  for (const { name, text } of cases) {
    const { id, expected, got } = runCase(kind, name, text);
    lines.push(`${id} ${expected} ${got}`);
    if (expected === got) passed += 1;
  }
  const failed = cases.length - passed;
  lines.push(`${passed} passed, ${failed} failed`);
  return { lines, passed, failed };
}

type Outcome = { id: string; expected: string; got: string };

function runCase(kind: ConformanceKind, name: string, text: string): Outcome {
  const unreadable = { id: name, expected: 'CASE', got: 'UNREADABLE' };
  try {
    const value = parseJson(text);
    return (kind === 'admission' ? runAdmission(value) : runApproval(value)) ?? unreadable;
  } catch (error) {
    // An exception is a defect of ours or of the case; it fails this one and not the ones after it.
    const got = error instanceof Error ? `THREW_${error.name}` : 'THREW';
    return { ...unreadable, got };
  }
}

function runAdmission(value: unknown): Outcome | null {
  const parsed = AdmissionCase.safeParse(value);
  if (!parsed.success) return null;
  const vector = parsed.data;
  const commits = new Map(Object.entries(vector.git.commits));
  const result = admit({
    bundle: decodeBase64(vector.bundle),
    artifact: { bytes: decodeBase64(vector.artifact) },
    target: vector.target,
    policies: new Map(Object.entries(vector.policies)),
    trust: importTrust(vector.trust),
    now: new Date(vector.now),
    git: (commit) => commits.get(commit) ?? null,
    state: {
      envelopes: new Set(vector.state.envelopes),
      payloads: new Set(vector.state.payloads),
      invocations: new Map(Object.entries(vector.state.invocations)),
      lastPosition: vector.state.lastPosition,
    },
  });
  return { id: vector.id, expected: vector.expect, got: result.ok ? 'OK' : result.code };
}

function runApproval(value: unknown): Outcome | null {
  const parsed = ApprovalCase.safeParse(value);
  if (!parsed.success) return null;
  const vector = parsed.data;
  const result = verifyApprovals({
    approvals: vector.approvals,
    credentials: vector.credentials.map(({ revokedAt, ...credential }) => ({
      ...credential,
      revokedAt: revokedAt === undefined ? null : new Date(revokedAt),
    })),
    promotion: vector.promotion,
    target: vector.target,
    role: approverRole,
    need: vector.need,
    requester: vector.requester,
    authors: vector.authors,
    usedNonces: new Set(vector.usedNonces),
    now: new Date(vector.now),
  });
  return { id: vector.id, expected: vector.expect, got: result.ok ? 'OK' : result.code };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // A file that is not JSON is a case that fails, reported as such by the caller.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
