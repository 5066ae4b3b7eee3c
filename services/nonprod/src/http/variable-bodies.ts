/** What a variable is set with over HTTP, wherever it stands, and why one is not kept. */
import { isOwnVariable, ownVariableHint } from '@airlock/pipeline/launch-file';
import { HttpError } from '@airlock/web/problem';
import { z } from 'zod';
import { mostVariables, type VariableAnswer } from '../app/manage-variables.ts';

const Name = z.string().refine(isOwnVariable, ownVariableHint);
export const VariableBody = z.strictObject({
  name: Name,
  value: z
    .string()
    .refine((value) => Buffer.byteLength(value) <= 8192, 'at most 8192 bytes')
    .refine((value) => !value.includes('\0'), 'without the character NUL'),
  publicBecause: z.string().trim().max(500).default(''),
});
export const VariableName = z.strictObject({ name: Name });

/** @throws HttpError `setting-refused` when it was not kept, with what to do. */
export function refuseUnset(
  answer: Exclude<VariableAnswer, { kind: 'no-repository' }>,
  name: string,
): void {
  if (answer.kind === 'set') return;
  throw new HttpError(
    'setting-refused',
    answer.kind === 'full'
      ? `There are ${mostVariables} variables already, and no more are kept; remove one that nothing reads.`
      : `${name} looks like ${answer.what}, and everybody who signs in reads variables. Make it a secret at /secrets; if it is none, say why in publicBecause ("Public because"), which stays on record. Whatever was sent here was not kept.`,
  );
}
