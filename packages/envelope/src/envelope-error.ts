import { AirlockError } from '@airlock/common/errors';

export type EnvelopeErrorCode =
  /** Not the form that this version writes. */
  | 'envelope-malformed'
  /** Another key, another place than it was sealed for, or other bytes: which of them, nobody can tell. */
  | 'envelope-unopenable'
  /** The keeper of the key did not answer, or is busy. Asking again later may help. */
  | 'kek-unavailable'
  /** The keeper of the key answered no. Asking again does not help. */
  | 'kek-refused'
  /** That version of the key is gone, or was never here. */
  | 'kek-version-missing';

/** Never holds a key, a plaintext or what was asked with. */
export class EnvelopeError extends AirlockError<EnvelopeErrorCode> {}
