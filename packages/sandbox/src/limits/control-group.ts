/**
 * Limits on memory, processes and processor time that the kernel keeps for all processes of a sandbox together. How they are
 * had differs from machine to machine; what was had is said in the attestation of a build.
 */
import { openV1, type V1Hierarchies } from './cgroup-v1.ts';
import { findV1, findV2 } from './cgroup-mounts.ts';
import type { ControlGroup, GroupLimits } from './group.ts';
import { openV2 } from './cgroup-v2.ts';
import { findSystemd, openScope } from './systemd-scope.ts';

export type GroupMaker =
  | { readonly kind: 'cgroup-v2'; readonly base: string; readonly hasCpu: boolean }
  | { readonly kind: 'systemd'; readonly command: readonly string[] }
  | { readonly kind: 'cgroup-v1'; readonly hierarchies: V1Hierarchies };

let found: Promise<GroupMaker | null> | undefined;

/**
 * How this process can hold groups of its own, tried once: a delegated cgroup v2 (it counts and costs nothing), a scope of
 * systemd, cgroup v1 as root. Null: none of them works here.
 */
export function groupMaker(): Promise<GroupMaker | null> {
  found ??= findMaker();
  return found;
}

async function findMaker(): Promise<GroupMaker | null> {
  const v2 = findV2();
  if (v2 !== null) return { kind: 'cgroup-v2', ...v2 };
  const systemd = await findSystemd();
  if (systemd !== null) return { kind: 'systemd', command: systemd };
  const v1 = await findV1();
  return v1 === null ? null : { kind: 'cgroup-v1', hierarchies: v1 };
}

/** A new, empty group. */
export function openGroup(maker: GroupMaker, limits: GroupLimits): ControlGroup {
  switch (maker.kind) {
    case 'cgroup-v2':
      return openV2(maker, limits);
    case 'systemd':
      return openScope(maker.command, limits);
    case 'cgroup-v1':
      return openV1(maker.hierarchies, limits);
  }
}
