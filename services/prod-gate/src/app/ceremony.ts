/** What every ceremony with a passkey or security key has in common. */
import { DecisionError } from './decision-error.ts';
import { StoreError } from './ports.ts';

/** A ceremony that takes longer begins anew. */
export const ceremonyMinutes = 5;

/** The store's refusals that a person can cause, in the person's words. */
export function asDecisionError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  if (error.code === 'nonce-unknown') {
    return new DecisionError(
      'ceremony-expired',
      'The ceremony was used before or took longer than five minutes; start again.',
      {
        cause: error,
      },
    );
  }
  if (error.code === 'passkey-known') {
    return new DecisionError('passkey-refused', 'This passkey is enrolled already.', {
      cause: error,
    });
  }
  if (error.code === 'row-changed') {
    return new DecisionError(
      'passkey-refused',
      'The passkey was used somewhere else at the same moment; try again.',
      { cause: error },
    );
  }
  return error;
}
