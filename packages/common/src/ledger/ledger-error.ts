import { AirlockError } from '../errors.ts';

export type LedgerCode =
  | 'entry-malformed'
  | 'entry-too-large'
  | 'tile-malformed'
  | 'tile-missing'
  | 'tile-mismatch'
  | 'note-malformed'
  | 'note-key-malformed'
  | 'note-unsigned'
  | 'note-signature-invalid'
  | 'checkpoint-malformed'
  | 'checkpoint-missing'
  | 'checkpoint-origin'
  | 'root-mismatch'
  | 'proof-malformed'
  | 'inclusion-invalid'
  | 'consistency-invalid'
  | 'size-out-of-range'
  | 'witness-quorum'
  | 'witness-request-malformed';

export class LedgerError extends AirlockError<LedgerCode> {}
