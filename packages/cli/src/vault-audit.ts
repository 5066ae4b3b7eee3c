/** Vault's audit log beside the gate's ledger, both proven as far as they can be before they are compared. */
import { AirlockError } from '@airlock/common/errors';
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import { verifyLedger } from '@airlock/common/ledger/verify-ledger';
import {
  parseConfiguration,
  readConfiguration,
  verifyConfiguration,
} from '@airlock/process/configuration-directory';
import { compareVaultWithLedger, type VaultAuditReport } from '@airlock/verify/vault-audit/compare';
import {
  createCredentialEntries,
  type CredentialEntries,
} from '@airlock/verify/vault-audit/credential-entries';
import { observeVault } from '@airlock/verify/vault-audit/observe';
import { placesOf, targetPlaces, type VaultPlace } from '@airlock/verify/vault-audit/places';
import { administratorsAt, onFiles } from './configuration/places.ts';
import { CliError, exitCode } from './exit-codes.ts';
import { sourceOf, vkeyIn } from './ledger-source.ts';
import { auditLines } from './vault-audit-files.ts';

/** Of a configuration that the administrators signed, because who can point it elsewhere hides a credential. */
export async function signedPlaces(given: {
  readonly config: string;
  readonly administrators: string;
}): Promise<VaultPlace[]> {
  const root = await administratorsAt(given.administrators);
  return onFiles(async () => {
    const { envelope, files } = await readConfiguration(given.config);
    verifyConfiguration(given.config, { envelope, files, administrators: root });
    const { targets } = parseConfiguration(given.config, files);
    return [...targets.values()].flatMap(({ policy }) => targetPlaces(policy));
  });
}

/**
 * @param given.files of one audit device, in any order.
 * @param given.ledger directory of an export, or the address of a gate.
 * @param given.key verifier key of the log, or a file that holds it.
 * @throws CliError `usage` for places without a login or without a path to read, `failedCheck` for a ledger that is not whole.
 */
export async function auditVault(given: {
  readonly files: readonly string[];
  readonly ledger: string;
  readonly key: string;
  readonly places: readonly VaultPlace[];
  readonly skewSeconds: number;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}): Promise<VaultAuditReport> {
  const places = placesOf(given.places);
  if (places.logins.size === 0 || places.reads.size === 0) {
    throw new CliError(
      exitCode.usage,
      'nothing says where credentials come from; name the signed configuration with --config, or a login and a path with --mount',
    );
  }
  const recorded = await provenEntries(given);
  const observed = observeVault(places);
  for await (const { line, where } of auditLines(given.files)) observed.take(line, where);
  const { skewSeconds, from, to } = given;
  return compareVaultWithLedger({ observed, recorded, places, skewSeconds, from, to });
}

/** @throws CliError `failedCheck` for a ledger that is not whole: nothing is compared with entries that are only claimed. */
async function provenEntries({
  ledger,
  key,
}: {
  readonly ledger: string;
  readonly key: string;
}): Promise<CredentialEntries> {
  const entries = createCredentialEntries();
  const unknown: number[] = [];
  const verified = await verifyLedger({
    read: sourceOf(ledger),
    vkey: await vkeyIn(key),
    each(index, bytes) {
      try {
        entries.add(index, parseLedgerEntry(bytes));
      } catch (cause) {
        if (!(cause instanceof AirlockError)) throw cause;
        // Told only of a ledger that is whole: until then it may be anything.
        unknown.push(index);
      }
    },
  });
  if (!verified.ok) {
    throw new CliError(
      verified.code === 'note-key-malformed' ? exitCode.usage : exitCode.failedCheck,
      `the ledger at ${ledger} is not whole, so nothing is compared with it: ${verified.code}: ${verified.detail}`,
    );
  }
  const [first] = unknown;
  if (first === undefined) return entries;
  throw new CliError(
    exitCode.failedCheck,
    `entry ${first} of the ledger is not one that this version of airlock knows; use the gate's version`,
  );
}
