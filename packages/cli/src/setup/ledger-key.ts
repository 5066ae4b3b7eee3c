import { generateKeyPairSync } from 'node:crypto';
import { vkeyOf } from '@airlock/common/ledger/note';

/** The watchdog's key: signs checkpoints and nothing else. `vkey` is what verifiers pin. */
export function createLedgerKey(origin: string): { privateKeyPem: string; vkey: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    vkey: vkeyOf(origin, privateKey),
  };
}
