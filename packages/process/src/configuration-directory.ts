/**
 * A gate's configuration directory: `trust.json`, `roster.yaml` and `targets/*.yaml`, with `manifest.dsse.json`, the list of
 * them that administrators signed. Read here and nowhere else, by the gate and by the command that proposes changes.
 */
import { stopRoles } from '@airlock/common/approval/lift';
import { decidingRolesOf } from '@airlock/common/policy/needed-rules';
import { sha256Hex } from '@airlock/common/encoding/hex';
import {
  AdministratorsFile,
  importAdministrators,
  type Administrators,
} from '@airlock/common/trust/administrators';
import {
  ConfigurationTrustError,
  differencesFrom,
  verifyManifest,
  type FileDifference,
  type VerifiedManifest,
} from '@airlock/common/trust/configuration-manifest';
import { TrustError, type TrustStore } from '@airlock/common/trust/signer';
import { TrustFile } from '@airlock/common/trust/trust-file';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, faultInWords, parseConfig } from './config.ts';
import {
  inspectConfiguration,
  storeOf,
  type ConfigurationBytes,
  type ConfigurationFiles,
} from './configuration-faults.ts';

export type { ConfigurationBytes, ConfigurationFiles } from './configuration-faults.ts';

export const manifestName = 'manifest.dsse.json';

/** @throws ConfigurationError that names the file and what to mend. */
export async function readAdministrators(file: string): Promise<Administrators> {
  const text = (await bytesOf(file)).toString('utf8');
  try {
    return importAdministrators(parseConfig(AdministratorsFile, text, file));
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw invalid(file, `keys: ${cause.message}`, cause);
  }
}

/** A configuration directory as it is now; other files in it are no configuration. `envelope` is null without a manifest. */
export async function readConfiguration(
  directory: string,
): Promise<{ readonly envelope: Buffer | null; readonly files: ConfigurationBytes }> {
  // A switched symbolic link changes all files at once; it is followed once, so that no read sees half of each.
  const real = await realpath(directory).catch((cause: unknown) => {
    throw unreadable(directory, cause);
  });
  const names = await readdir(join(real, 'targets')).catch((cause: unknown) => {
    throw unreadable(join(directory, 'targets'), cause);
  });
  const targets = names.filter((name) => name.endsWith('.yaml')).sort();
  const paths = ['roster.yaml', ...targets.map((name) => `targets/${name}`), 'trust.json'];
  const present = async (path: string): Promise<Buffer | null> =>
    readFile(join(real, path)).catch((cause: unknown) => {
      if (isMissing(cause)) return null;
      throw unreadable(join(directory, path), cause);
    });
  const [envelope, ...bytes] = await Promise.all([manifestName, ...paths].map(present));
  const files = new Map<string, Buffer>();
  for (const [index, path] of paths.entries()) {
    const found = bytes[index] ?? null;
    if (found !== null) files.set(path, found);
  }
  return { envelope: envelope ?? null, files };
}

export const digestsOf = (files: ConfigurationBytes): Map<string, string> =>
  new Map([...files].map(([path, bytes]) => [path, sha256Hex(bytes)]));

/**
 * Verifies that a quorum of administrators signed the manifest and that the files are those that it lists, to the byte.
 *
 * @throws ConfigurationError `configuration-untrusted`, whose message begins with the code of ConfigurationTrustError.
 */
export function verifyConfiguration(
  directory: string,
  given: {
    readonly envelope: Buffer | null;
    readonly files: ConfigurationBytes;
    readonly administrators: Administrators;
    /** The manifest of this very envelope, where its signatures have been verified before. Default: they are verified. */
    readonly manifest?: VerifiedManifest | null;
  },
): VerifiedManifest {
  const verified = given.manifest ?? verifySignatures(directory, given);
  const [first, ...more] = differencesFrom(verified.manifest, digestsOf(given.files));
  if (first === undefined) return verified;
  const others = more.length === 0 ? '' : ` (and ${more.map(({ path }) => path).join(', ')})`;
  throw untrusted(
    `E_CONFIGURATION_FILE: ${join(directory, first.path)} ${differenceInWords(first)}${others}; put the signed file back, or propose the change with airlock config propose`,
  );
}

function verifySignatures(
  directory: string,
  given: { readonly envelope: Buffer | null; readonly administrators: Administrators },
): VerifiedManifest {
  const file = join(directory, manifestName);
  if (given.envelope === null) {
    throw untrusted(
      `E_CONFIGURATION_MANIFEST: ${file} is not there; sign the files: airlock config propose, then airlock config sign`,
    );
  }
  try {
    return verifyManifest(given.envelope, given.administrators);
  } catch (cause) {
    if (!(cause instanceof ConfigurationTrustError)) throw cause;
    throw untrusted(
      `${cause.code}: ${file}: ${cause.message}; put the signed manifest back, or sign anew with airlock config sign`,
      cause,
    );
  }
}

export function differenceInWords({ expected, found }: FileDifference): string {
  if (expected === null) return `is not in the signed manifest (SHA-256 ${found ?? ''})`;
  if (found === null) return `is missing (SHA-256 ${expected} is signed)`;
  return `is not the signed file: SHA-256 ${expected} is signed, ${found} found`;
}

/**
 * Parses the files and checks what one file alone cannot show.
 *
 * @throws ConfigurationError that names each file and what to mend; nothing is decided on half of the files.
 */
export function parseConfiguration(
  directory: string,
  files: ConfigurationBytes,
): ConfigurationFiles {
  const { faults, targets, roster, trust } = inspectConfiguration(files);
  const [first] = faults;
  if (first === undefined && roster !== null && trust !== null) return { targets, roster, trust };
  throw new ConfigurationError(
    first?.code ?? 'configuration-invalid',
    faults.map((fault) => `${join(directory, fault.file)}: ${faultInWords(fault)}`).join('\n'),
  );
}

/** @throws ConfigurationError that names the row and what to mend. */
export function parseTrust(file: string, bytes: Buffer): { file: TrustFile; store: TrustStore } {
  const rows = parseConfig(TrustFile, bytes.toString('utf8'), file);
  const store = storeOf(rows, (_file, path, message) => {
    throw invalid(file, faultInWords({ path: path.join('.'), message }));
  });
  if (store === null) throw invalid(file, 'signers: cannot be used; correct them');
  return { file: rows, store };
}

/**
 * People whose passkey decides something and whose passkeys the roster does not list: whoever holds web, or signs in as one of
 * them, could enrol one that counts. Who approves nowhere still lifts stops and looks at deliveries by break-glass.
 */
export function unlistedDeciders({
  targets,
  roster,
}: Pick<ConfigurationFiles, 'targets' | 'roster'>): string[] {
  const deciding = new Set<string>([
    ...stopRoles,
    ...[...targets.values()].flatMap(({ policy }) => decidingRolesOf(policy)),
  ]);
  return roster.roster.people
    .filter(
      ({ roles, passkeys }) => passkeys === undefined && roles.some((role) => deciding.has(role)),
    )
    .map(({ id }) => id);
}

async function bytesOf(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
}

const isMissing = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';

function unreadable(path: string, cause: unknown): ConfigurationError {
  const why = cause instanceof Error ? cause.message : 'unknown error';
  return new ConfigurationError(
    'configuration-unreadable',
    `${path}: cannot be read (${why}); create it, readable by the user this process runs as`,
    { cause },
  );
}

const invalid = (file: string, what: string, cause?: unknown): ConfigurationError =>
  new ConfigurationError('configuration-invalid', `${file}: ${what}`, { cause });

const untrusted = (what: string, cause?: unknown): ConfigurationError =>
  new ConfigurationError('configuration-untrusted', what, { cause });
