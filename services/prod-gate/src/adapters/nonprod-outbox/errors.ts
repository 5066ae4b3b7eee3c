import { AirlockError } from '@airlock/common/errors';

export type OutboxErrorCode =
  /** No connection, not nonprod's certificate, timeout, or an answer that is not 2xx: try again later. */
  | 'outbox-unreachable'
  /** The answer is not what the protocol promises. */
  | 'outbox-malformed'
  /** More items or bytes than asked for: no honest outbox does this. */
  | 'E_OUTBOX_LIMIT'
  /** Nonprod has no such blob. */
  | 'outbox-blob-missing'
  /** Nonprod has it, and says that its bytes are not what its name says. */
  | 'outbox-blob-corrupt';

export class OutboxError extends AirlockError<OutboxErrorCode> {}
