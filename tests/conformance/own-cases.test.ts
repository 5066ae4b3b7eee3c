import assert from 'node:assert/strict';
import { test } from 'node:test';
import { approvalCodes } from '@airlock/common/approval/approval-codes';
import { admissionCodes } from '@airlock/common/verify/admission-codes';
import { runConformance } from '@airlock/cli/conformance';
import { admissionCases } from '../cases/admission.ts';
import { approvalCases } from '../cases/approval.ts';

/** What `checkPlan` says, after admission and with what only a gate's mirror knows: its own test has the cases. */
const planCodes = ['E_PLAN_MISSING', 'E_PLAN_DIGEST', 'E_RUNNER_IMAGE'];
const ofAdmission = Object.keys(admissionCodes).filter((code) => !planCodes.includes(code));

for (const [kind, cases, codes] of [
  ['admission', admissionCases(), ofAdmission],
  ['approval', approvalCases(), Object.keys(approvalCodes)],
] as const) {
  for (const each of cases) {
    test(`${kind}: ${each.name} gives ${each.expect}`, () => {
      const { lines } = runConformance(kind, [each]);
      assert.equal(lines[0], `${each.name} ${each.expect} ${each.expect}`);
    });
  }

  test(`every ${kind} code has a case`, () => {
    const shown = new Set(cases.map(({ expect }) => expect));
    assert.deepEqual(
      codes.filter((code) => !shown.has(code)),
      [],
    );
  });
}
