/**
 * The files that say what may happen here: targets, roster, pinned signers, hooks. Read anew for every decision, so that a
 * changed file counts from the next decision on, and a broken one stops decisions instead of being overlooked.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import {
  importTrust,
  requireWholeTrust,
  TrustError,
  TrustRow,
  type TrustStore,
} from '@airlock/common/trust/signer';
import { ConfigurationError, FilePath, parseConfig } from '@airlock/process/config';
import { HookDirectoryError, readHookDirectory } from '@airlock/process/hook-directory';
import { z } from 'zod';
import type { GateFiles } from '../../app/ports.ts';

export const GateFilesSettings = z.strictObject({
  targetsDirectory: FilePath.describe('Directory of the target files, one <target>.yaml each.'),
  rosterFile: FilePath.describe('roster.yaml: the people of the gate and their roles.'),
  trustFile: FilePath.describe('trust.json: the pinned signers, {version: 1, signers: […]}.'),
  hooksDirectory: FilePath.describe(
    'Directory of the registered deploy hooks, one directory each.',
  ),
});
export type GateFilesSettings = z.infer<typeof GateFilesSettings>;

const TrustFile = z.strictObject({ version: z.literal(1), signers: z.array(TrustRow).min(1) });

/** @throws ConfigurationError that names the file and what to mend; nothing is decided on half of the files. */
export async function loadGateFiles(settings: GateFilesSettings): Promise<GateFiles> {
  const [targets, roster, trust] = await Promise.all([
    loadTargets(settings.targetsDirectory),
    loadRoster(settings.rosterFile),
    loadTrust(settings.trustFile),
  ]);
  return {
    targets,
    roster,
    trust,
    async hookDigest(name) {
      try {
        return (await readHookDirectory(join(settings.hooksDirectory, name))).digest;
      } catch (cause) {
        if (cause instanceof HookDirectoryError && cause.code === 'hook-missing') return null;
        throw cause;
      }
    },
  };
}

async function loadTargets(directory: string): Promise<GateFiles['targets']> {
  const targets = new Map<string, { policy: TargetPolicy; digest: string }>();
  const names = (await entries(directory)).filter((name) => name.endsWith('.yaml')).sort();
  for (const name of names) {
    const file = join(directory, name);
    const bytes = await bytesOf(file);
    const policy = parseConfig(TargetPolicy, bytes.toString('utf8'), file);
    if (policy.target !== basename(name, '.yaml')) {
      throw new ConfigurationError(
        'configuration-invalid',
        `${file}: target: is ${policy.target}; name the file ${policy.target}.yaml or correct the key`,
      );
    }
    targets.set(policy.target, { policy, digest: sha256(bytes) });
  }
  refuseSharedVaultPaths(
    directory,
    [...targets.values()].map(({ policy }) => policy),
  );
  return targets;
}

/** The end of a delivery revokes everything below its target's paths, which must not be another's living credential. */
function refuseSharedVaultPaths(directory: string, policies: readonly TargetPolicy[]): void {
  const owners = new Map<string, string>();
  for (const { target, credentials } of policies) {
    const { jwtMount, databaseMount, databaseRole } = credentials.vault;
    for (const path of [`auth/${jwtMount}`, `${databaseMount}/creds/${databaseRole}`]) {
      const owner = owners.get(path);
      if (owner !== undefined) {
        throw new ConfigurationError(
          'configuration-invalid',
          `${join(directory, `${target}.yaml`)}: credentials.vault: ${path} is that of ${owner}; give each target its own jwtMount and databaseRole`,
        );
      }
      owners.set(path, target);
    }
  }
}

async function loadRoster(file: string): Promise<GateFiles['roster']> {
  const bytes = await bytesOf(file);
  const roster = parseConfig(Roster, bytes.toString('utf8'), file);
  // One identity for two people would let one of them count as the other.
  for (const [what, values] of [
    ['id', roster.people.map((person) => person.id)],
    ['nameId', roster.people.map((person) => person.nameId)],
    ['gitEmails', roster.people.flatMap((person) => person.gitEmails)],
  ] as const) {
    const twice = values.find((value, index) => values.indexOf(value) !== index);
    if (twice !== undefined) {
      throw new ConfigurationError(
        'configuration-invalid',
        `${file}: people: ${what} ${twice} stands twice; each belongs to one person`,
      );
    }
  }
  return { roster, digest: sha256(bytes) };
}

async function loadTrust(file: string): Promise<TrustStore> {
  const rows = parseConfig(TrustFile, (await bytesOf(file)).toString('utf8'), file);
  try {
    return requireWholeTrust(importTrust(rows.signers));
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw new ConfigurationError('configuration-invalid', `${file}: signers: ${cause.message}`, {
      cause,
    });
  }
}

async function entries(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    throw unreadable(directory, cause);
  }
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(path: string, cause: unknown): ConfigurationError {
  const why = cause instanceof Error ? cause.message : 'unknown error';
  return new ConfigurationError(
    'configuration-unreadable',
    `${path}: cannot be read (${why}); create it, readable by the user this process runs as`,
    { cause },
  );
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
