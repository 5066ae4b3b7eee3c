import { AirlockError } from '@airlock/common/errors';

/** `signer-refused`: an answer, asking again changes nothing. `signer-unreachable`: no answer, to be tried again. */
export class SignerError extends AirlockError<'signer-refused' | 'signer-unreachable'> {}
