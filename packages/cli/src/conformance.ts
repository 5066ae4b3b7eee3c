/**
 * `airlock conformance`: runs language-neutral cases through the code that the gate runs. The form of a case is described
 * in tests/vectors/README.md.
 */
import { z } from 'zod';
import { ApprovalEvidence, verifyApprovals } from '@airlock/common/approval/verify-approvals';
import { decodeBase64 } from '@airlock/common/encoding/base64';
import { EncodingError } from '@airlock/common/encoding/encoding-error';
import { importTrust } from '@airlock/common/trust/signer';
import { admit } from '@airlock/common/verify/verify-promotion-bundle';

export type ConformanceKind = 'admission' | 'approval';

/**
 * Cases are read by the fields of their documented form; further fields are for whoever wrote the case. Trust rows keep
 * their doubtful values, because a row that is not whole is a case, too.
 */
const TrustRowCase = z.object({
  keyid: z.unknown(),
  publicKeyPem: z.unknown(),
  alg: z.unknown(),
  roles: z.unknown(),
  builderIds: z.unknown(),
  notBefore: z.unknown(),
  notAfter: z.unknown(),
  revokedAt: z.unknown().optional(),
  adminDomain: z.unknown().optional(),
});

const Moment = z.string().refine((text) => !Number.isNaN(new Date(text).getTime()), 'no time');

const AdmissionCase = z.object({
  id: z.string(),
  expect: z.string(),
  now: Moment,
  target: z.string(),
  bundle: z.string(),
  artifact: z.string(),
  trust: z.array(TrustRowCase),
  policies: z.record(
    z.string(),
    z.object({
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
  git: z.object({
    commits: z.record(
      z.string(),
      z.object({
        onMain: z.boolean(),
        firstParent: z.boolean(),
        signed: z.boolean(),
        position: z.number().int(),
        blobs: z.record(z.string(), z.string().nullable()),
      }),
    ),
  }),
  state: z.object({
    envelopes: z.array(z.string()),
    payloads: z.array(z.string()),
    invocations: z.record(z.string(), z.string()),
    lastPosition: z.number().int().nullish(),
  }),
});

const ApprovalCase = z.object({
  id: z.string(),
  expect: z.string(),
  now: Moment,
  promotion: z.string(),
  target: z.string(),
  need: z.number().int().min(1),
  /** For cases of our own about returns. */
  decision: z.enum(['approve', 'rollback']).default('approve'),
  requester: z.string(),
  authors: z.array(z.string()),
  /** Policy editors, and rules in place of `need`: for cases of our own, which the vectors do not have. */
  editors: z.array(z.string()).default([]),
  rules: z.array(z.object({ role: z.string(), count: z.number() })).optional(),
  usedNonces: z.array(z.string()),
  credentials: z.array(
    z.object({
      id: z.string(),
      approver: z.string(),
      publicKeyPem: z.string(),
      rpId: z.string(),
      origins: z.array(z.string()),
      signCount: z.number().int().nonnegative(),
      roles: z.array(z.string()),
      countsFrom: Moment.nullish(),
      revokedAt: Moment.nullish(),
    }),
  ),
  approvals: z.array(z.object(ApprovalEvidence.shape)),
});

/** The role that the approval cases ask for; they do not state it. */
const approverRole = 'release-manager';

/**
 * Runs every case and says what came out.
 *
 * @param cases name (a file name) and JSON text; a text that is not a case of this kind counts as failed, and its line
 *   says why.
 * @returns one line a case, `id expected got`, and a last line `N passed, N failed`.
 */
export function runConformance(
  kind: ConformanceKind,
  cases: readonly { readonly name: string; readonly text: string }[],
): { lines: string[]; passed: number; failed: number } {
  const lines: string[] = [];
  let passed = 0;
  for (const { name, text } of cases) {
    const { id, expected, got, why } = runCase(kind, name, text);
    lines.push(`${id} ${expected} ${got}${why === null ? '' : ` ${why}`}`);
    if (expected === got) passed += 1;
  }
  const failed = cases.length - passed;
  lines.push(`${passed} passed, ${failed} failed`);
  return { lines, passed, failed };
}

type Outcome = {
  readonly id: string;
  readonly expected: string;
  readonly got: string;
  /** What is wrong with the case, or with us; null where the case ran. */
  readonly why: string | null;
};

class UnreadableCase extends Error {}

function runCase(kind: ConformanceKind, name: string, text: string): Outcome {
  try {
    const value = parseJson(text);
    const { id, expect, result } = kind === 'admission' ? runAdmission(value) : runApproval(value);
    return { id, expected: expect, got: result.ok ? 'OK' : result.code, why: null };
  } catch (error) {
    // Either the case is none, or the kernel has a defect; both fail this case and not the ones after it.
    const why = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : 'no reason given';
    const got = error instanceof UnreadableCase ? 'UNREADABLE' : 'THREW';
    return { id: name, expected: 'CASE', got, why };
  }
}

function runAdmission(value: unknown) {
  const vector = read(AdmissionCase, value);
  const commits = new Map(Object.entries(vector.git.commits));
  const result = admit({
    bundle: bytesOf(vector.bundle, 'bundle'),
    artifact: { bytes: bytesOf(vector.artifact, 'artifact') },
    target: vector.target,
    policies: new Map(Object.entries(vector.policies)),
    trust: importTrust(vector.trust.map(trustRow)),
    now: new Date(vector.now),
    git: (commit) => commits.get(commit) ?? null,
    state: {
      envelopes: new Set(vector.state.envelopes),
      payloads: new Set(vector.state.payloads),
      invocations: new Map(Object.entries(vector.state.invocations)),
      lastPosition: vector.state.lastPosition ?? null,
    },
  });
  return { id: vector.id, expect: vector.expect, result };
}

/** A row as the gate's own trust file would have it: no field for what does not apply. */
function trustRow(row: z.infer<typeof TrustRowCase>): unknown {
  return Object.fromEntries(
    Object.entries(row).filter(([, value]) => value !== undefined && value !== null),
  );
}

function runApproval(value: unknown) {
  const vector = read(ApprovalCase, value);
  const result = verifyApprovals({
    approvals: vector.approvals,
    credentials: vector.credentials.map(({ countsFrom, revokedAt, ...credential }) => ({
      ...credential,
      countsFrom: countsFrom === undefined || countsFrom === null ? null : new Date(countsFrom),
      revokedAt: revokedAt === undefined || revokedAt === null ? null : new Date(revokedAt),
    })),
    promotion: vector.promotion,
    target: vector.target,
    decision: vector.decision,
    rules: vector.rules ?? [{ role: approverRole, count: vector.need }],
    requester: vector.requester,
    authors: vector.authors,
    editors: vector.editors,
    usedNonces: new Set(vector.usedNonces),
    now: new Date(vector.now),
  });
  return { id: vector.id, expect: vector.expect, result };
}

function read<Case>(form: z.ZodType<Case>, value: unknown): Case {
  const parsed = form.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UnreadableCase(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`);
}

function bytesOf(text: string, field: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new UnreadableCase(`${field}: ${cause.message}`, { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new UnreadableCase(`not JSON: ${cause.message}`, { cause });
  }
}
