import { AirlockError } from '@airlock/common/errors';

export type VaultSetupErrorCode = 'vault-setup-invalid' | 'vault-setup-refused';
export class VaultSetupError extends AirlockError<VaultSetupErrorCode> {}
