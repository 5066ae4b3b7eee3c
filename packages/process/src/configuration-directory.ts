/**
 * A gate's configuration directory: `trust.json`, `roster.yaml` and `targets/*.yaml`, with `manifest.dsse.json`, the list of
 * them that administrators signed. Read here and nowhere else, by the gate and by the command that proposes changes.
 */
import { notCarriedOut } from '@airlock/common/policy/not-carried-out';
import { hasLease, readPathOf } from '@airlock/common/policy/target-credentials';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
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
import {
  importTrust,
  requireWholeTrust,
  TrustError,
  type TrustStore,
} from '@airlock/common/trust/signer';
import { TrustFile } from '@airlock/common/trust/trust-file';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ConfigurationError, parseConfig } from './config.ts';

export const manifestName = 'manifest.dsse.json';

/** Bytes by path relative to the directory, such as `targets/prod-eu.yaml`. */
export type ConfigurationBytes = ReadonlyMap<string, Buffer>;

/** What the files say, once each of them and all of them together make sense. */
export type ConfigurationFiles = {
  readonly targets: ReadonlyMap<string, { readonly policy: TargetPolicy; readonly digest: string }>;
  readonly roster: { readonly roster: Roster; readonly digest: string };
  readonly trust: TrustStore;
};

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
 * @throws ConfigurationError that names the file and what to mend; nothing is decided on half of the files.
 */
export function parseConfiguration(
  directory: string,
  files: ConfigurationBytes,
): ConfigurationFiles {
  const at = (path: string): string => join(directory, path);
  const required = (path: string): Buffer => {
    const bytes = files.get(path);
    if (bytes !== undefined) return bytes;
    throw new ConfigurationError(
      'configuration-unreadable',
      `${at(path)}: is not there; create it`,
    );
  };
  const targets = new Map<string, { policy: TargetPolicy; digest: string }>();
  for (const [path, bytes] of files) {
    if (!path.startsWith('targets/')) continue;
    const policy = parseConfig(TargetPolicy, bytes.toString('utf8'), at(path));
    if (policy.target !== basename(path, '.yaml')) {
      throw invalid(
        at(path),
        `target: is ${policy.target}; name the file ${policy.target}.yaml or correct the key`,
      );
    }
    const [key] = notCarriedOut(policy);
    if (key !== undefined) {
      throw invalid(at(path), `${key}: this gate does not do that yet; take it out`);
    }
    targets.set(policy.target, { policy, digest: sha256Hex(bytes) });
  }
  refuseSharedVaultPaths(
    directory,
    [...targets.values()].map(({ policy }) => policy),
  );
  const rosterBytes = required('roster.yaml');
  return {
    targets,
    roster: {
      roster: parseRoster(at('roster.yaml'), rosterBytes),
      digest: sha256Hex(rosterBytes),
    },
    trust: parseTrust(at('trust.json'), required('trust.json')).store,
  };
}

/** @throws ConfigurationError that names the row and what to mend. */
export function parseTrust(file: string, bytes: Buffer): { file: TrustFile; store: TrustStore } {
  const rows = parseConfig(TrustFile, bytes.toString('utf8'), file);
  try {
    return { file: rows, store: requireWholeTrust(importTrust(rows.signers)) };
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw invalid(file, `signers: ${cause.message}`, cause);
  }
}

/** The end of a delivery revokes everything below its target's paths, which must not be another's living credential. */
function refuseSharedVaultPaths(directory: string, policies: readonly TargetPolicy[]): void {
  const owners = new Map<string, string>();
  for (const { target, credentials } of policies) {
    const { jwtMount, reads } = credentials.vault;
    const leased = reads.filter(({ kind }) => hasLease(kind)).map(readPathOf);
    for (const path of [`auth/${jwtMount}`, ...leased]) {
      const owner = owners.get(path);
      if (owner !== undefined) {
        throw invalid(
          join(directory, 'targets', `${target}.yaml`),
          `credentials.vault: ${path} is that of ${owner}; give each target its own jwtMount and role`,
        );
      }
      owners.set(path, target);
    }
  }
}

function parseRoster(file: string, bytes: Buffer): Roster {
  const roster = parseConfig(Roster, bytes.toString('utf8'), file);
  // One identity for two people would let one of them count as the other.
  for (const [what, values] of [
    ['id', roster.people.map((person) => person.id)],
    ['nameId', roster.people.map((person) => person.nameId)],
    ['gitEmails', roster.people.flatMap((person) => person.gitEmails)],
  ] as const) {
    const twice = values.find((value, index) => values.indexOf(value) !== index);
    if (twice !== undefined) {
      throw invalid(file, `people: ${what} ${twice} stands twice; each belongs to one person`);
    }
  }
  return roster;
}

/** People who decide somewhere and whose passkeys the roster does not list: for them, whoever holds web could enrol one. */
export function unlistedDeciders({ targets, roster }: ConfigurationFiles): string[] {
  const deciding = new Set<string>(
    [...targets.values()].flatMap(({ policy }) => policy.approvals.rules.map(({ role }) => role)),
  );
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
