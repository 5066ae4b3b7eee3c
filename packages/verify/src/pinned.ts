/** What an auditor brings: keys that came by another way than the archive. Nothing in an archive adds to them. */
import {
  AttestationKey,
  importAttestationKey,
  type ImportedKey,
} from '@airlock/common/dsse/open-signed';
import { parseVkey, type NoteVerifier } from '@airlock/common/ledger/note';
import {
  AdministratorsFile,
  importAdministrators,
  type Administrators,
} from '@airlock/common/trust/administrators';
import {
  importTrust,
  requireWholeTrust,
  TrustRow,
  type TrustStore,
} from '@airlock/common/trust/signer';
import { z } from 'zod';

export const PinnedKeys = z.strictObject({
  version: z.literal(1),
  signers: z.array(TrustRow).min(1).describe('Rows of trust.json: who signs builds and requests.'),
  ledger: z.string().describe("Verifier key of the gate's ledger, the line of ledger.vkey."),
  attestations: z
    .array(AttestationKey)
    .min(1)
    .describe("The gate's keys for summaries and delivery statements, old ones too."),
  administrators: AdministratorsFile.describe("The gate's administrators.json."),
});
export type PinnedKeys = z.infer<typeof PinnedKeys>;

export type Pinned = {
  readonly trust: TrustStore;
  readonly ledger: NoteVerifier;
  readonly attestations: readonly ImportedKey[];
  readonly administrators: Administrators;
};

/** @throws TrustError or LedgerError that names the key that is not one. */
export function importPinned(keys: PinnedKeys): Pinned {
  return {
    trust: requireWholeTrust(importTrust(keys.signers)),
    ledger: parseVkey(keys.ledger.trim()),
    attestations: keys.attestations.map(importAttestationKey),
    administrators: importAdministrators(keys.administrators),
  };
}
