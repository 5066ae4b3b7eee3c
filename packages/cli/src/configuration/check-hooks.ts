/** Whether the hooks that target files pin are registered, are those that were pinned, and get what they need. */
import { join } from 'node:path';
import { AirlockError } from '@airlock/common/errors';
import { nearWord } from '@airlock/common/near-word';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { readConfig } from '@airlock/process/config';
import type { InspectedConfiguration } from '@airlock/process/configuration-faults';
import { readHookDirectory } from '@airlock/process/hook-directory';
import { HookManifest, hookParamFault } from '@airlock/process/hook-manifest';
import { hookNeedFaults, observeNeedFaults } from '@airlock/process/hook-needs';
import { readdir } from 'node:fs/promises';
import { sayOf, type Finding, type Say } from './findings.ts';

type Use = {
  readonly key: readonly PropertyKey[];
  readonly pinned: string;
  readonly params: TargetPolicy['deliver']['params'];
};

/** @param directory of the registered hooks, one directory each. */
export async function hookFindings(
  inspected: Pick<InspectedConfiguration, 'targets' | 'placeOf'>,
  directory: string,
): Promise<Finding[]> {
  const policies = [...inspected.targets.values()].map(({ policy }) => policy);
  if (policies.length === 0) return [];
  const names = await readdir(directory).catch(() => null);
  if (names === null) {
    const { note } = sayOf('hooks', inspected.placeOf);
    return [
      note([], `${directory} cannot be read, so that no hook is looked at; name it with --hooks`),
    ];
  }
  const found: Finding[] = [];
  for (const policy of policies) {
    const say = sayOf(`targets/${policy.target}.yaml`, inspected.placeOf);
    for (const use of usesOf(policy)) {
      found.push(...(await findingsOf(policy, use, { directory, names, say })));
    }
  }
  return found;
}

function usesOf({ deliver, verify, observe }: TargetPolicy): Use[] {
  return [
    { key: ['deliver', 'hook'], pinned: deliver.hook, params: deliver.params },
    ...(verify === undefined
      ? []
      : [{ key: ['verify', 'hook'], pinned: verify.hook, params: verify.params }]),
    ...(observe === undefined
      ? []
      : [{ key: ['observe', 'hook'], pinned: observe.hook, params: observe.params }]),
  ];
}

async function findingsOf(
  policy: TargetPolicy,
  { key, pinned, params }: Use,
  at: { readonly directory: string; readonly names: readonly string[]; readonly say: Say },
): Promise<Finding[]> {
  const { fault } = at.say;
  const [name = '', digest = ''] = pinned.split('@sha256:');
  if (!at.names.includes(name)) {
    const near = nearWord(name, at.names);
    const known = at.names.toSorted().join(', ') || 'no hook';
    const mend = near === undefined ? `register it; there is ${known}` : `did you mean ${near}?`;
    return [fault(key, `${at.directory} has no hook ${name}; ${mend}`)];
  }
  const read = await readHookDirectory(join(at.directory, name)).catch((cause: unknown) => {
    if (cause instanceof AirlockError) return cause;
    throw cause;
  });
  if (read instanceof AirlockError) return [fault(key, read.message)];
  if (read.digest !== digest) {
    const mend = 'restore its files, or pin this digest and have it approved';
    return [fault(key, `the hook ${name} in ${at.directory} is sha256:${read.digest}; ${mend}`)];
  }
  const file = `${name}/hook.yaml`;
  const text = read.files.find(({ path }) => path === 'hook.yaml')?.content.toString('utf8');
  const manifest = readConfig(HookManifest, text ?? '', file);
  if (manifest.value === null) {
    return manifest.faults.map(({ line, column, path, message }) =>
      fault(key, `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`),
    );
  }
  const wrong = hookParamFault(manifest.value, params);
  const section = key[0] ?? '';
  return [
    ...(wrong === null
      ? []
      : [fault([section, 'params', wrong.name], `${wrong.message} (hook ${name})`)]),
    ...needs(policy, manifest.value, { section, fault }),
  ];
}

/** The hook that verifies has what the hook that delivers has, and never waves; the one that observes has no credential. */
function needs(
  { credentials, deliver }: TargetPolicy,
  manifest: HookManifest,
  { section, fault }: { readonly section: PropertyKey; readonly fault: Say['fault'] },
): Finding[] {
  if (section === 'observe') {
    return observeNeedFaults(manifest, deliver).map((what) =>
      fault(
        [section, 'hook'],
        `hook ${manifest.name}: ${what}; let it ask what the target shows to anybody, by an egress without credential`,
      ),
    );
  }
  const { reads } = credentials.vault;
  const inWaves = section === 'deliver' && deliver.waves !== undefined;
  return hookNeedFaults(manifest, { reads, egress: deliver.egress, inWaves }).map((what) =>
    fault(
      [section, 'hook'],
      `hook ${manifest.name}: ${what}; correct credentials.vault.reads or deliver.egress, or needs in hook.yaml`,
    ),
  );
}
