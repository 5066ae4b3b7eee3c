import { AirlockError } from '@airlock/common/errors';

export type HookErrorCode =
  /** The hook on disk is not the one that the target file pins and the approvals signed. */
  | 'E_HOOK_DIGEST'
  /** The artifact's bytes are not those that were approved. */
  | 'E_TOCTOU_DIGEST'
  /** `hook.yaml` is missing, malformed, or disagrees with the directory. */
  | 'hook-manifest'
  /** The target's params are not what the hook's manifest asks for. */
  | 'hook-params'
  /** The target does not give what the hook's manifest needs, or gives it a credential that it does not name. */
  | 'hook-needs'
  /** A socket of the sandbox could not be made, or a credential fits no request: the hook did not begin. */
  | 'hook-egress'
  /** The hook left no result, or one that is not what the contract says. */
  | 'hook-result'
  /** The sandbox cannot be used on this machine. */
  | 'hook-sandbox';

/** A hook that is not run, or whose result is not taken. The message goes into the delivery's log: it holds no secret. */
export class HookError extends AirlockError<HookErrorCode> {}
