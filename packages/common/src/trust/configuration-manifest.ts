/**
 * What a gate decides by, as one signed list of files. Who can write the gate's disk can therefore stop it and cannot teach it
 * anything: a trust store, a roster or a target file counts only with a quorum's signatures over its digest.
 */
import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { configurationPayloadType } from '../constants.ts';
import { DsseError } from '../dsse/dsse-error.ts';
import { parseEnvelope } from '../dsse/envelope.ts';
import { verifyEnvelope } from '../dsse/verify.ts';
import { canonicalJson, parseCanonicalJson } from '../encoding/canonical-json.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { sha256Hex } from '../encoding/hex.ts';
import { AirlockError } from '../errors.ts';
import { Sha256Hex } from '../wire/scalars.ts';
import type { Administrators } from './administrators.ts';

export type ConfigurationTrustCode =
  /** The manifest is not one: not JSON, not canonical, another shape. */
  | 'E_CONFIGURATION_MANIFEST'
  /** Too few administrators signed it, or somebody altered it. */
  | 'E_CONFIGURATION_QUORUM'
  /** A file is missing, unlisted or differs. */
  | 'E_CONFIGURATION_FILE'
  /** It is older than, or another one of the number of, what the ledger knows. */
  | 'E_CONFIGURATION_ROLLBACK';

export class ConfigurationTrustError extends AirlockError<ConfigurationTrustCode> {}

/** A path of a gate's configuration directory. Everything else there is not configuration and is not read. */
export const ConfigurationPath = z
  .string()
  .regex(
    /^(trust\.json|roster\.yaml|targets\/[A-Za-z0-9][A-Za-z0-9._-]{0,62}\.yaml)$/,
    'expected trust.json, roster.yaml or targets/NAME.yaml',
  );

export const ConfigurationManifest = z.strictObject({
  version: z.literal(1),
  serial: z
    .int()
    .min(1)
    .describe('Grows by one with every change; a gate goes back to no lower one.'),
  previous: Sha256Hex.nullable().describe(
    'Digest of the manifest that this one follows; null for the first.',
  ),
  files: z
    .record(ConfigurationPath, Sha256Hex)
    .describe('SHA-256 of the bytes of every file, by path in the order of the alphabet.'),
});
export type ConfigurationManifest = z.infer<typeof ConfigurationManifest>;

/** The bytes that administrators sign: canonical JSON, files in the order of their paths. */
export function manifestBytes(manifest: ConfigurationManifest): Buffer {
  const { version, serial, previous, files } = ConfigurationManifest.parse(manifest);
  return canonicalJson({ version, serial, previous, files: sorted(files) });
}

const sorted = (files: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));

declare const verified: unique symbol;

/** A manifest that a quorum of administrators signed. Made by `verifyManifest` alone. */
export type VerifiedManifest = {
  readonly manifest: ConfigurationManifest;
  /** SHA-256 of the signed payload: what the next manifest names as `previous`, and the subject of the ledger's entry. */
  readonly digest: string;
  /** Key ids of the administrators who signed, in the order of the envelope. */
  readonly signers: readonly string[];
  readonly [verified]: true;
};

/**
 * Verifies a signed manifest: a DSSE envelope of `configurationPayloadType`.
 *
 * Signatures by keys that are no administrator's are skipped; one by an administrator that does not verify is fatal. Keys and
 * domains are counted, not signatures.
 *
 * @throws ConfigurationTrustError `E_CONFIGURATION_MANIFEST`, `E_CONFIGURATION_QUORUM`.
 */
export function verifyManifest(
  envelope: Uint8Array,
  administrators: Administrators,
): VerifiedManifest {
  // The keys have no window, so that no moment is asked for.
  const at = { receivedAt: new Date(0), now: new Date(0) };
  try {
    const { payload, signers } = verifyEnvelope(
      parseEnvelope(envelope, configurationPayloadType),
      administrators.trust,
      at,
    );
    const quorum = quorumFault(
      administrators,
      signers.map(({ keyid }) => keyid),
    );
    if (quorum !== null) throw new ConfigurationTrustError('E_CONFIGURATION_QUORUM', quorum);
    return {
      manifest: parseManifest(payload),
      digest: sha256Hex(payload),
      signers: signers.map(({ keyid }) => keyid),
      // The brand is made here and nowhere else.
    } as unknown as VerifiedManifest;
  } catch (cause) {
    if (cause instanceof DsseError) {
      const what = `${cause.code}: ${cause.message}`;
      throw new ConfigurationTrustError('E_CONFIGURATION_QUORUM', what, { cause });
    }
    if (cause instanceof EncodingError) throw malformed(`${cause.code}: ${cause.message}`, cause);
    throw cause;
  }
}

/** @throws EncodingError for what is no canonical JSON; ConfigurationTrustError `E_CONFIGURATION_MANIFEST` for another shape. */
export function parseManifest(payload: Uint8Array): ConfigurationManifest {
  const parsed = ConfigurationManifest.safeParse(parseCanonicalJson(payload, 4));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw malformed(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`);
  }
  if (!manifestBytes(parsed.data).equals(payload)) {
    throw malformed('keys are not in their order; let airlock config propose write it');
  }
  return parsed.data;
}

const malformed = (what: string, cause?: unknown): ConfigurationTrustError =>
  new ConfigurationTrustError('E_CONFIGURATION_MANIFEST', what, { cause });

/** What is missing to a quorum, in words; null when these distinct keys are one. */
export function quorumFault(
  administrators: Administrators,
  signers: readonly string[],
): string | null {
  const { threshold, domains, keys } = administrators;
  const signed = keys.filter(({ keyid }) => signers.includes(keyid));
  const have = new Set(signed.map(({ adminDomain }) => adminDomain));
  if (signed.length >= threshold && have.size >= domains) return null;
  const rest = keys.filter(({ keyid }) => !signers.includes(keyid)).map(({ name }) => name);
  const of = domains === 1 ? '' : ` of ${have.size} of ${domains} administrative domains`;
  return `${signed.length} of ${threshold} administrators signed${of}; not yet: ${rest.join(', ')}`;
}

export type FileDifference = {
  readonly path: string;
  /** Digest in the manifest; null for a file that is not in it. */
  readonly expected: string | null;
  /** Digest of the bytes on disk; null for a file that is not there. */
  readonly found: string | null;
};

/** Where the files are not those of the manifest, in the order of their paths; none when they are. */
export function differencesFrom(
  manifest: Pick<ConfigurationManifest, 'files'>,
  found: ReadonlyMap<string, string>,
): FileDifference[] {
  const expected = new Map(Object.entries(manifest.files));
  const paths = [...new Set([...expected.keys(), ...found.keys()])].sort();
  return paths.flatMap((path) => {
    const difference = {
      path,
      expected: expected.get(path) ?? null,
      found: found.get(path) ?? null,
    };
    return difference.expected === difference.found ? [] : [difference];
  });
}

/** A manifest that was in force: its number and digest. */
export type KnownManifest = { readonly serial: number; readonly digest: string };

/**
 * Why `next` may not come after the newest manifest that the ledger knows, in words; null when it may, or is that one.
 *
 * A number may be left out (a gate that was off while two changes came), so that `previous` is compared only where the
 * manifest follows directly.
 */
export function succession(
  next: KnownManifest & { readonly previous: string | null },
  newest: KnownManifest | null,
): string | null {
  if (newest === null || next.digest === newest.digest) return null;
  const { serial, previous } = next;
  if (serial < newest.serial) {
    return `it is number ${serial}, and the ledger has number ${newest.serial}; put the newer files back`;
  }
  if (serial === newest.serial) {
    return `it is another number ${serial} than the ledger has; propose it anew as number ${serial + 1}`;
  }
  if (serial === newest.serial + 1 && previous !== newest.digest) {
    return `it follows ${previous ?? 'nothing'} and not ${newest.digest}, which was in force; propose it anew from the files in force`;
  }
  return null;
}
