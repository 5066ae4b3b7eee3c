import { AirlockError } from '../errors.ts';

/** What can be wrong with bytes before they mean anything. */
export type EncodingCode =
  | 'E_ENCODING'
  | 'E_BASE64'
  | 'E_JSON'
  | 'E_JSON_DEPTH'
  | 'E_JSON_DUP'
  | 'E_JSON_KEY'
  | 'E_JSON_NUMBER'
  | 'E_NOT_CANONICAL'
  | 'E_UNICODE'
  | 'E_HEX';

export class EncodingError extends AirlockError<EncodingCode> {}
