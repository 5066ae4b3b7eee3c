/** Signs a gate's configuration directory with keys that are all at hand, as set-up, demo and tests do. */
import { writeFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { configurationPayloadType } from '@airlock/common/constants';
import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { signEnvelope, type SigningKey } from '@airlock/common/dsse/sign';
import { sha256Hex } from '@airlock/common/encoding/hex';
import {
  manifestBytes,
  parseManifest,
  type ConfigurationManifest,
} from '@airlock/common/trust/configuration-manifest';
import {
  digestsOf,
  manifestName,
  readConfiguration,
  type ConfigurationBytes,
} from '@airlock/process/configuration-directory';

/** The manifest that lists these files and follows the signed one; the signed one itself where nothing changed. */
export function nextManifest(
  envelope: Buffer | null,
  files: ConfigurationBytes,
): ConfigurationManifest {
  const listed = Object.fromEntries(digestsOf(files));
  if (envelope === null) return { version: 1, serial: 1, previous: null, files: listed };
  // Not verified: whoever signs what follows it is shown from which one it goes on, and the gate's ledger knows the true one.
  const { payload } = parseEnvelope(envelope, configurationPayloadType);
  const signed = parseManifest(payload);
  const same = manifestBytes({ ...signed, files: listed }).equals(payload);
  if (same) return signed;
  return { version: 1, serial: signed.serial + 1, previous: sha256Hex(payload), files: listed };
}

/** Writes `manifest.dsse.json` for the files as they are, one number higher where something changed. */
export async function signConfiguration(
  directory: string,
  keys: readonly [SigningKey, ...SigningKey[]],
): Promise<ConfigurationManifest> {
  const { envelope, files } = await readConfiguration(directory);
  const manifest = nextManifest(envelope, files);
  writeManifest(directory, signEnvelope(configurationPayloadType, manifestBytes(manifest), keys));
  return manifest;
}

/** Replaces the signed manifest in one step, so that a gate reads the old one or the new one. */
export function writeManifest(directory: string, envelope: string): void {
  const file = join(directory, manifestName);
  writeFileSync(`${file}.new`, envelope);
  renameSync(`${file}.new`, file);
}
