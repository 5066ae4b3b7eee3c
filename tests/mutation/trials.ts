/** What a mutant has to fool: every vector, every case of our own, and what the form of a case cannot say. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConformanceKind } from '@airlock/cli/conformance';
import { createApprovalWorld } from '@airlock/common/testing/approval-world';
import { createBundleWorld } from '@airlock/common/testing/bundle-world';
import { admissionCases } from '../cases/admission.ts';
import { approvalCases } from '../cases/approval.ts';
import type { KernelModule } from './kernel.ts';

/** `run` gives OK, a code, or what was thrown. */
export type Trial = { readonly name: string; readonly expect: string; readonly run: () => string };

export function allTrials(kernel: KernelModule): readonly Trial[] {
  return [
    ...vectors(kernel, 'admission'),
    ...vectors(kernel, 'approval'),
    ...admissionCases().map((each) => conformance(kernel, 'admission', each)),
    ...approvalCases().map((each) => conformance(kernel, 'approval', each)),
    ...probes(kernel),
  ];
}

function vectors(kernel: KernelModule, kind: ConformanceKind): readonly Trial[] {
  const directory = join(import.meta.dirname, '../vectors', kind);
  return readdirSync(directory).map((name) => {
    const text = readFileSync(join(directory, name), 'utf8');
    // The vectors' own test checks their form.
    const { expect } = JSON.parse(text) as { expect: string };
    return conformance(kernel, kind, { name: name.replace('.json', ''), expect, text });
  });
}

function conformance(
  kernel: KernelModule,
  kind: ConformanceKind,
  each: { readonly name: string; readonly expect: string; readonly text: string },
): Trial {
  return {
    name: each.name,
    expect: each.expect,
    run: () => kernel.runConformance(kind, [each]).lines[0]?.split(' ')[2] ?? 'nothing',
  };
}

/** Receipt apart from now, artifacts by digest, clocks that give no time, thresholds that are none, defects of ours. */
function probes(kernel: KernelModule): readonly Trial[] {
  const world = createBundleWorld();
  const bundle = world.bundle();
  const good = world.input(bundle);
  const never = new Date(Number.NaN);
  const later = (now: string, changes: object = {}) => ({
    ...good,
    trust: kernel.importTrust(world.rows.map((row) => ({ ...row, ...changes }))),
    receivedAt: world.now,
    now: new Date(now),
  });
  const bundleOf = (input: () => Parameters<KernelModule['admit']>[0]) => () => {
    const result = kernel.admit(input());
    return result.ok ? 'OK' : result.code;
  };
  const withTrust = (changes: object) => ({
    ...good,
    trust: kernel.importTrust(world.rows),
    ...changes,
  });
  const policies = (changes: object) => ({
    policies: new Map([['prod-eu', { ...world.policy, ...changes }]]),
  });
  const { leo, mira, approve, input } = createApprovalWorld();
  const rulesOf = (count: number) => [{ role: 'release-manager', count }];
  const both = [approve(leo), approve(mira)];
  const approvalOf = (changes: object) => () => {
    const result = kernel.verifyApprovals(input(both, changes));
    return result.ok ? 'OK' : result.code;
  };
  const judged =
    (approvals: typeof both, changes: object = {}) =>
    () => {
      const { satisfied, discounted } = kernel.judgeApprovals(input(approvals, changes));
      return [
        String(satisfied),
        ...discounted.map(({ approver, code }) => `${approver ?? 'nobody'} ${code}`),
      ].join(', ');
    };
  const unknown = { ...approve(leo), credentialId: 'x' };
  const list: readonly (readonly [string, string, () => string])[] = [
    [
      'window-as-of-receipt',
      'OK',
      bundleOf(() => later('2026-11-24T12:00:00Z', { notAfter: '2026-11-23T00:00:00Z' })),
    ],
    [
      'future-as-of-receipt',
      'E_TIME_FUTURE',
      bundleOf(() => ({
        ...later('2026-11-24T12:00:00Z'),
        bundle: world.bundle({ build: { finishedOn: '2026-11-23T00:00:00Z' } }),
      })),
    ],
    [
      'revocation-as-of-now',
      'E_KEY_REVOKED',
      bundleOf(() => later('2026-11-24T12:00:00Z', { revokedAt: '2026-11-23T00:00:00Z' })),
    ],
    ['age-as-of-now', 'E_STALE', bundleOf(() => later('2026-12-07T12:00:00Z'))],
    [
      'artifact-by-digest',
      'OK',
      bundleOf(() => withTrust({ artifact: { sha256: world.build.subject.sha256 } })),
    ],
    [
      'other-artifact-by-digest',
      'E_ARTIFACT_DIGEST',
      bundleOf(() => withTrust({ artifact: { sha256: 'f'.repeat(64) } })),
    ],
    ['no-time', 'E_KEY_NOT_YET_VALID', bundleOf(() => withTrust({ now: never }))],
    ['no-age', 'E_STALE', bundleOf(() => withTrust(policies({ maxAgeSeconds: Number.NaN })))],
    ['no-skew', 'E_TIME_FUTURE', bundleOf(() => withTrust(policies({ skewSeconds: Number.NaN })))],
    ['no-threshold', 'E_THRESHOLD', bundleOf(() => withTrust(policies({ threshold: Number.NaN })))],
    [
      'no-position',
      'E_ROLLBACK',
      bundleOf(() =>
        withTrust({
          git: () => ({ ...world.commitFacts, position: Number.NaN }),
          state: { ...good.state, lastPosition: 1 },
        }),
      ),
    ],
    [
      'defect-of-ours',
      'THREW RangeError',
      thrown(
        bundleOf(() =>
          withTrust({
            git: () => {
              throw new RangeError('defect');
            },
          }),
        ),
      ),
    ],
    [
      'defect-with-a-code-of-ours',
      'THREW Error',
      thrown(
        bundleOf(() =>
          withTrust({
            git: () => {
              throw coded('E_GIT_UNKNOWN');
            },
          }),
        ),
      ),
    ],
    [
      'error-of-ours-that-is-no-refusal',
      'THREW AirlockError',
      thrown(
        bundleOf(() =>
          withTrust({
            git: () => {
              throw new kernel.AirlockError('E_DATABASE', 'gone');
            },
          }),
        ),
      ),
    ],
    ['approval-at-no-time', 'E_APPROVAL_EXPIRED', approvalOf({ now: never })],
    [
      'revoked-at-no-time',
      'THREW RangeError',
      approvalOf({ credentials: [{ ...leo.credential, revokedAt: never }, mira.credential] }),
    ],
    [
      'waits-until-no-time',
      'THREW RangeError',
      approvalOf({ credentials: [{ ...leo.credential, countsFrom: never }, mira.credential] }),
    ],
    ['nobody-is-needed', 'E_APPROVAL_THRESHOLD', approvalOf({ rules: rulesOf(0) })],
    [
      'a-number-of-people-that-is-none',
      'E_APPROVAL_THRESHOLD',
      approvalOf({ rules: rulesOf(Number.NaN) }),
    ],
    ['approval-defect-of-ours', 'THREW TypeError', thrown(approvalOf({ usedNonces: null }))],
    [
      'approval-defect-with-a-code-of-ours',
      'THREW Error',
      thrown(
        approvalOf({
          usedNonces: {
            has: () => {
              throw coded('E_APPROVAL');
            },
          },
        }),
      ),
    ],
    [
      'approval-error-of-ours-that-is-no-refusal',
      'THREW AirlockError',
      thrown(
        approvalOf({
          usedNonces: {
            has: () => {
              throw new kernel.AirlockError('E_DATABASE', 'gone');
            },
          },
        }),
      ),
    ],
    ['judged-good', 'true', judged(both)],
    ['judged-with-a-stranger', 'true, nobody E_APPROVAL_CRED_UNKNOWN', judged([unknown, ...both])],
    ['judged-with-a-repetition', 'true, leo E_APPROVAL_DUP', judged([approve(leo), ...both])],
    [
      'judged-after-a-fault-of-the-same-person',
      'true, leo E_WEBAUTHN_UV',
      judged([approve(leo, { flags: 1 }), ...both]),
    ],
    ['judged-without-enough', 'false, mira E_APPROVAL_SELF', judged(both, { requester: 'mira' })],
    ['judged-when-nobody-is-needed', 'false', judged(both, { rules: rulesOf(0) })],
  ];
  return list.map(([name, expect, run]) => ({ name, expect, run: thrown(run) }));
}

function coded(code: string): Error {
  return Object.assign(new Error('defect'), { code });
}

function thrown(run: () => string): () => string {
  return () => {
    try {
      return run();
    } catch (error) {
      return `THREW ${error instanceof Error ? error.name : ''}`;
    }
  };
}
