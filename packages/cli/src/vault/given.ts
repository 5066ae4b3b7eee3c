/** What `airlock vault` is given: signed target files, key and connection files, and the environment that names Vault. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { Secret } from '@airlock/common/secret';
import { ConfigurationError, parseConfig } from '@airlock/process/config';
import {
  parseConfiguration,
  readConfiguration,
  verifyConfiguration,
} from '@airlock/process/configuration-directory';
import { z } from 'zod';
import { administratorsAt, onFiles } from '../configuration/places.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { VaultSetupError } from './error.ts';
import type { VaultAccess } from './http.ts';
import type { DatabaseConnection, VaultTarget } from './targets.ts';

const ConnectionFile = z.strictObject({
  host: z.string().min(1).describe('Where Vault reaches the database.'),
  port: z.int().min(1).max(65_535).default(5432),
  database: z.string().min(1).describe('Name of the database.'),
  username: z.string().min(1).describe('Login of Vault itself.'),
  password: z.string().min(1).describe('Its password.'),
  appOwner: z.string().min(1).describe('Role that owns the application’s tables.'),
});

/**
 * The targets of a signed configuration, in the order of their names.
 *
 * @param connections files by `target/as`.
 * @throws CliError `configuration` when the files are not those that administrators signed; `usage` for a target or a
 *   connection that they do not name.
 */
export async function signedTargets({
  directory,
  administrators,
  names,
  connections,
}: {
  directory: string;
  administrators: string;
  /** Empty for all. */
  names: readonly string[];
  connections: ReadonlyMap<string, string>;
}): Promise<{ chosen: VaultTarget[]; others: VaultTarget[] }> {
  const trusted = await administratorsAt(administrators);
  const { targets } = await onFiles(async () => {
    const { envelope, files } = await readConfiguration(directory);
    verifyConfiguration(directory, { envelope, files, administrators: trusted });
    return parseConfiguration(directory, files);
  });
  const known = [...targets.keys()].sort();
  const unknown = names.find((name) => !targets.has(name));
  if (unknown !== undefined) {
    throw usage(`no target ${unknown} in ${directory}; targets are ${known.join(', ') || 'none'}`);
  }
  const wanted = [...targets.values()].flatMap(({ policy }) =>
    policy.credentials.vault.reads.flatMap(({ as, kind }) =>
      kind === 'database' ? [`${policy.target}/${as}`] : [],
    ),
  );
  for (const name of connections.keys()) {
    if (wanted.includes(name)) continue;
    throw usage(
      `--database-connection: no target reads a database as ${name}; known here: ${wanted.join(', ') || 'none'}`,
    );
  }
  const all = known.flatMap((name) => {
    const found = targets.get(name);
    return found === undefined ? [] : [targetOf(found.policy, connections)];
  });
  const isChosen = ({ target }: VaultTarget): boolean =>
    names.length === 0 || names.includes(target);
  return { chosen: all.filter(isChosen), others: all.filter((target) => !isChosen(target)) };
}

function targetOf(
  { target, credentials }: TargetPolicy,
  files: ReadonlyMap<string, string>,
): VaultTarget {
  const { jwtMount, jwtRole, ttl, reads } = credentials.vault;
  const connections: Record<string, DatabaseConnection> = {};
  for (const { as } of reads) {
    const file = files.get(`${target}/${as}`);
    if (file !== undefined) connections[as] = readConnection(file);
  }
  return { target, jwtMount, jwtRole, ttlSeconds: ttl, reads, connections };
}

function readConnection(file: string): DatabaseConnection {
  const text = readPrivate('--database-connection', file);
  try {
    const { password, ...rest } = parseConfig(ConnectionFile, text, file);
    return { ...rest, password: new Secret(password), passwordFrom: file };
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    throw new CliError(exitCode.configuration, cause.message, { cause });
  }
}

/** A file that holds a secret: this user's alone. @throws CliError `usage` */
function readPrivate(option: string, file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw usage(`${option}: ${file} cannot be read; name an existing file`, cause);
  }
  try {
    // Asked of the open file, so that what was checked is what is read.
    if ((fstatSync(descriptor).mode & 0o077) === 0) return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
  throw usage(`${option}: ${file} is open to other users; run: chmod 600 ${file}`);
}

/** @throws CliError `usage` */
export function readText(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw usage(`${option}: ${file} cannot be read; name an existing file`, cause);
  }
}

const refusedVariables: Readonly<Record<string, string>> = {
  VAULT_SKIP_VERIFY: 'turns certificate checks off, whatever its value',
  VAULT_NAMESPACE: 'names a namespace, and the gate asks outside of all',
  NODE_TLS_REJECT_UNAUTHORIZED: 'turns certificate checks off',
  NODE_DEBUG: 'prints the token',
};

/**
 * Vault as VAULT_ADDR, VAULT_TOKEN and VAULT_CACERT name it, as for its own command line. Null without VAULT_ADDR.
 *
 * @param tokenFile instead of VAULT_TOKEN.
 * @throws CliError `usage` for a variable that makes this unsafe, and when there is no token.
 */
export function vaultOf(
  environment: NodeJS.ProcessEnv,
  tokenFile: string | undefined,
): VaultAccess | null {
  const address = environment['VAULT_ADDR'] ?? '';
  if (address === '') return null;
  for (const [name, why] of Object.entries(refusedVariables)) {
    if ((environment[name] ?? '') !== '') throw usage(`${name} ${why}; unset it`);
  }
  const token =
    tokenFile === undefined
      ? (environment['VAULT_TOKEN'] ?? '')
      : readPrivate('--token-file', tokenFile).trim();
  if (token === '') {
    throw usage(
      'there is no token to ask Vault with; set VAULT_TOKEN or give --token-file, with a token that may write mounts, policies and roles',
    );
  }
  const caFile = environment['VAULT_CACERT'] ?? '';
  return {
    address: address.replace(/\/+$/, ''),
    token,
    ...(caFile === '' ? {} : { caPem: readText('VAULT_CACERT', caFile) }),
  };
}

/** Runs `work`; what the set-up refuses ends the verb with a code that says whose fault it is. */
export async function onVault<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof VaultSetupError)) throw cause;
    const code = {
      'vault-setup-invalid': exitCode.usage,
      'vault-setup-conflict': exitCode.conflict,
      'vault-setup-refused': exitCode.error,
      'vault-unreachable': exitCode.unreachable,
    }[cause.code];
    throw new CliError(code, cause.message, { cause });
  }
}

function usage(message: string, cause?: unknown): CliError {
  return new CliError(exitCode.usage, message, { cause });
}
