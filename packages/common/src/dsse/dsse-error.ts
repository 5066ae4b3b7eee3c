import { AirlockError } from '../errors.ts';

export type DsseCode =
  | 'E_ENVELOPE'
  | 'E_SIG_COUNT'
  | 'E_PAYLOAD_SIZE'
  | 'E_PAYLOAD_TYPE'
  | 'E_SIG_INVALID'
  | 'E_SIG_DUP'
  | 'E_KEY_UNKNOWN'
  | 'E_KEY_REVOKED'
  | 'E_KEY_NOT_YET_VALID'
  | 'E_KEY_EXPIRED'
  | 'E_TRUST_STORE';

export class DsseError extends AirlockError<DsseCode> {}
