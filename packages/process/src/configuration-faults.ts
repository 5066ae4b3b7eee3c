/** What is wrong with the files of a gate's configuration directory: each by itself, and all of them together. */
import { hasLease, readPathOf } from '@airlock/common/policy/target-credentials';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import {
  importTrust,
  requireWholeTrust,
  TrustError,
  type TrustStore,
} from '@airlock/common/trust/signer';
import { TrustFile } from '@airlock/common/trust/trust-file';
import { basename } from 'node:path';
import type { z } from 'zod';
import {
  readConfig,
  type ConfigFault,
  type ConfigurationErrorCode,
  type Place,
  type ReadConfig,
} from './config.ts';

/** Bytes by path relative to the directory, such as `targets/prod-eu.yaml`. */
export type ConfigurationBytes = ReadonlyMap<string, Buffer>;

/** What the files say, once each of them and all of them together make sense. */
export type ConfigurationFiles = {
  readonly targets: ReadonlyMap<string, { readonly policy: TargetPolicy; readonly digest: string }>;
  readonly roster: { readonly roster: Roster; readonly digest: string };
  readonly trust: TrustStore;
};

/** A fault of a configuration directory, by the file that has it. */
export type FileFault = Omit<ConfigFault, 'code'> & {
  readonly code: ConfigurationErrorCode;
  /** Relative to the directory, such as `targets/prod-eu.yaml`. */
  readonly file: string;
};

/** What was found in a directory: as much as could be read, with every fault of it. */
export type InspectedConfiguration = {
  readonly faults: readonly FileFault[];
  /** Those without a fault of their own. */
  readonly targets: ConfigurationFiles['targets'];
  readonly roster: ConfigurationFiles['roster'] | null;
  readonly trust: TrustStore | null;
  readonly placeOf: (file: string, path: readonly PropertyKey[]) => Place;
};

/** Parses the files and checks what one file alone cannot show; every fault at once, for whoever wrote them. */
export function inspectConfiguration(files: ConfigurationBytes): InspectedConfiguration {
  const faults: FileFault[] = [];
  const places = new Map<string, ReadConfig<unknown>['placeOf']>();
  const placeOf = (file: string, path: readonly PropertyKey[]): Place =>
    places.get(file)?.(path) ?? { line: 1, column: 1 };
  const add: AddFault = (file, path, message, code = 'configuration-invalid') => {
    const told = path.length === 0 ? '' : path.map(String).join('.');
    faults.push({ code, file, ...placeOf(file, path), path: told, message });
  };
  const read = <T>(schema: z.ZodType<T>, file: string): T | null => {
    const bytes = files.get(file);
    if (bytes === undefined) {
      add(file, [], 'is not there; create it', 'configuration-unreadable');
      return null;
    }
    const found = readConfig(schema, bytes.toString('utf8'), file);
    places.set(file, found.placeOf);
    faults.push(...found.faults.map((fault) => ({ ...fault, file })));
    return found.value;
  };
  const targets = new Map<string, { policy: TargetPolicy; digest: string }>();
  for (const [file, bytes] of files) {
    if (!file.startsWith('targets/')) continue;
    const policy = read(TargetPolicy, file);
    if (policy === null) continue;
    if (policy.target !== basename(file, '.yaml')) {
      const mend = `is ${policy.target}; name the file ${policy.target}.yaml or correct the key`;
      add(file, ['target'], mend);
      continue;
    }
    targets.set(policy.target, { policy, digest: sha256Hex(bytes) });
  }
  addSharedVaultPaths([...targets.values()], add);
  const roster = read(Roster, 'roster.yaml');
  const sound = roster !== null && addSharedIdentities(roster, add) ? roster : null;
  const rows = read(TrustFile, 'trust.json');
  return {
    faults,
    targets,
    roster:
      sound === null
        ? null
        : { roster: sound, digest: sha256Hex(files.get('roster.yaml') ?? Buffer.alloc(0)) },
    trust: rows === null ? null : storeOf(rows, add),
    placeOf,
  };
}

/** Called for each fault. */
export type AddFault = (
  file: string,
  path: readonly PropertyKey[],
  message: string,
  code?: ConfigurationErrorCode,
) => void;

/** The keys of trust.json; null, with a fault, where they cannot be used together. */
export function storeOf(rows: TrustFile, add: AddFault): TrustStore | null {
  try {
    return requireWholeTrust(importTrust(rows.signers));
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    add('trust.json', ['signers'], cause.message);
    return null;
  }
}

/** The end of a delivery revokes everything below its target's paths, which must not be another's living credential. */
function addSharedVaultPaths(
  targets: readonly { readonly policy: TargetPolicy }[],
  add: AddFault,
): void {
  const owners = new Map<string, string>();
  for (const { policy } of targets) {
    const { jwtMount, reads } = policy.credentials.vault;
    const leased = reads.filter(({ kind }) => hasLease(kind)).map(readPathOf);
    for (const path of [`auth/${jwtMount}`, ...leased]) {
      const owner = owners.get(path);
      if (owner === undefined) {
        owners.set(path, policy.target);
        continue;
      }
      const mend = `${path} is that of ${owner}; give each target its own jwtMount and role`;
      add(`targets/${policy.target}.yaml`, ['credentials', 'vault'], mend);
    }
  }
}

/** One identity for two people would let one of them count as the other; false where there is one. */
function addSharedIdentities({ people }: Roster, add: AddFault): boolean {
  let isSound = true;
  for (const what of ['id', 'nameId', 'gitEmails'] as const) {
    const seen = new Set<string>();
    for (const [index, person] of people.entries()) {
      for (const value of [person[what]].flat()) {
        if (seen.has(value)) {
          add(
            'roster.yaml',
            ['people', index, what],
            `${value} stands twice; each belongs to one person`,
          );
          isSound = false;
        }
        seen.add(value);
      }
    }
  }
  return isSound;
}
