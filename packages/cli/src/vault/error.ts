import { AirlockError } from '@airlock/common/errors';

export type VaultSetupErrorCode =
  /** What was given cannot be set up: names, keys, files, an address. Nothing was sent. */
  | 'vault-setup-invalid'
  /** Something else stands where the set-up belongs. Nothing was written. */
  | 'vault-setup-conflict'
  /** Vault said no. */
  | 'vault-setup-refused'
  | 'vault-unreachable';
export class VaultSetupError extends AirlockError<VaultSetupErrorCode> {}
