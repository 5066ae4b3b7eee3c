import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { testResultPredicate } from '../constants.ts';
import { statementBytes, type Subject } from './statement.ts';

/** The predicate of in-toto's test result v0.1: the outcome, and the pipeline file that ran the tests. */
export const TestResult = z.strictObject({
  result: z.string(),
  configuration: z.array(
    z.strictObject({ name: z.string(), digest: z.strictObject({ gitBlob: z.string() }) }),
  ),
});
export type TestResult = z.infer<typeof TestResult>;

/** The bytes of the test-result Statement to sign. */
export function testResultStatement(test: {
  readonly subject: Subject;
  readonly result: 'PASSED' | 'FAILED';
  readonly pipeline: string;
  readonly pipelineBlob: string;
}): Buffer {
  return statementBytes(test.subject, testResultPredicate, {
    result: test.result,
    configuration: [{ name: test.pipeline, digest: { gitBlob: test.pipelineBlob } }],
  });
}
