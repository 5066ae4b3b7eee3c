import { AirlockError } from '@airlock/common/errors';

export type SandboxErrorCode =
  /** A program is missing or the kernel refuses; the message says how to mend it. */
  | 'sandbox-unavailable'
  /** The sandbox could not be set up; the command never started. */
  | 'sandbox-setup-failed'
  /** What the caller asked for cannot be granted safely. */
  | 'sandbox-options-refused';

export class SandboxError extends AirlockError<SandboxErrorCode> {}
