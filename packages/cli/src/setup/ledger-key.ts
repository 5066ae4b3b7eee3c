import { generateKeyPairSync } from 'node:crypto';
import { witnessVkeyOf } from '@airlock/common/ledger/cosignature';
import { vkeyOf } from '@airlock/common/ledger/note';

export type NoteKey = { readonly privateKeyPem: string; readonly vkey: string };

/** The watchdog's key: signs checkpoints and nothing else. `vkey` is what verifiers pin. */
export function createLedgerKey(origin: string): NoteKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    vkey: vkeyOf(origin, privateKey),
  };
}

/** A witness's key: cosigns checkpoints and nothing else. `vkey` is what the gate and verifiers pin. */
export function createWitnessKey(name: string): NoteKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    vkey: witnessVkeyOf(name, privateKey),
  };
}
