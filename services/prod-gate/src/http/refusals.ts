/** The use cases' refusals in the words of the web edge; the code of the use case goes along for machines. */
import { ConfigurationError } from '@airlock/process/config';
import { HttpError, type HttpErrorCode } from '@airlock/web/problem';
import { DecisionError, type DecisionErrorCode } from '../app/decision-error.ts';

const httpCode: Readonly<Record<DecisionErrorCode, HttpErrorCode>> = {
  'promotion-unknown': 'not-found',
  E_NOT_WAITING: 'refused',
  'promotion-changed': 'changed-meanwhile',
  E_TARGET_UNKNOWN: 'refused',
  'person-unknown': 'not-allowed',
  'role-missing': 'group-missing',
  'requester-never-counts': 'not-allowed',
  'author-never-counts': 'not-allowed',
  'editor-never-counts': 'not-allowed',
  'already-decided': 'conflict',
  'nothing-to-withdraw': 'conflict',
  'passkey-missing': 'refused',
  'passkey-unknown': 'signature-refused',
  'passkey-refused': 'signature-refused',
  'passkey-counts': 'conflict',
  'vouch-missing': 'signature-refused',
  'passkeys-full': 'conflict',
  'passkeys-too-many': 'too-many-requests',
  'ceremony-expired': 'refused',
  'reason-missing': 'request-malformed',
  'remarks-full': 'conflict',
  'remarks-too-many': 'too-many-requests',
  'start-not-due': 'refused',
  'return-refused': 'refused',
  'stop-malformed': 'request-malformed',
  'stop-unknown': 'not-found',
  'stop-over': 'conflict',
  'waiver-closed': 'refused',
  'waiver-not-needed': 'refused',
  'waiver-asked': 'conflict',
  'review-over': 'conflict',
  'involved-never-counts': 'not-allowed',
};

export function httpErrorOf(error: unknown): HttpError | null {
  if (error instanceof DecisionError) {
    return new HttpError(httpCode[error.code], error.message, {
      cause: error,
      codes: [error.code],
      ...(error.role === null ? {} : { needs: [error.role] }),
    });
  }
  if (error instanceof ConfigurationError) {
    return new HttpError(
      'dependency-unavailable',
      `The gate’s own files cannot be read, so that nothing is decided: ${error.message}. Somebody of platform mends them.`,
      { cause: error },
    );
  }
  return null;
}

export const databaseAway = (cause: unknown): HttpError =>
  new HttpError(
    'dependency-unavailable',
    'The database did not answer, so that nothing was decided or changed. Try again; if it stays so, somebody of platform looks at Postgres.',
    { cause },
  );
