/** What the two statements that the gate itself signs (verification summary, delivery) have in common. */
import type { z } from 'zod';
import { AirlockError } from '../errors.ts';
import { parseStatement, type Subject } from './statement.ts';

/** Signed bytes that are not the statement they have to be. */
export class AttestationError extends AirlockError<'attestation-malformed'> {}

/**
 * Reads the subject and the predicate of a statement whose signature was verified.
 *
 * @throws EncodingError, StatementError, or AttestationError when it is another predicate or one field has not its form.
 */
export function parseAttestation<Predicate>(
  bytes: Uint8Array,
  predicateType: string,
  schema: z.ZodType<Predicate>,
): { readonly subject: Subject; readonly predicate: Predicate } {
  const statement = parseStatement(bytes);
  if (statement.predicateType !== predicateType) {
    throw new AttestationError(
      'attestation-malformed',
      `predicateType ${predicateType} expected, found ${JSON.stringify(statement.predicateType.slice(0, 200))}`,
    );
  }
  return { subject: statement.subject, predicate: checkedPredicate(schema, statement.predicate) };
}

/** @throws AttestationError that names the field. */
export function checkedPredicate<Predicate>(
  schema: z.ZodType<Predicate>,
  value: unknown,
): Predicate {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AttestationError(
    'attestation-malformed',
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`,
  );
}
