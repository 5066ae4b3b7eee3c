import { AirlockError } from '@airlock/common/errors';

export type DeliveryFaultCode =
  | 'E_LEDGER_UNAVAILABLE'
  | 'authority-differs'
  | 'credential-too-short'
  | 'credential-too-long'
  | 'credential-unusable'
  | 'vault-away'
  | 'E_CREDENTIAL_KNOWN_TO_NONPROD'
  | 'delivery-stopped'
  | 'delivery-taken-over';

/** Why a delivery ends without its hook having said how it went. */
export class DeliveryFault extends AirlockError<DeliveryFaultCode> {}
