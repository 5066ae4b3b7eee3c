/** Where this process may make control groups. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { removeGroup } from './cgroup-files.ts';
import type { V1Hierarchies } from './cgroup-v1.ts';

const supervisor = 'airlock-supervisor';

/**
 * The delegated cgroup v2 of this process, with controllers handed down to groups below it; null where there is none. This
 * process moves into a leaf, because a group with processes of its own hands nothing down (cgroups(7), no internal processes).
 */
export function findV2(): { base: string; hasCpu: boolean } | null {
  const mount = mounts().find(({ type }) => type === 'cgroup2')?.path;
  const own = ownPaths().get('');
  if (mount === undefined || own === undefined) return null;
  const here = join(mount, own);
  const base = basename(here) === supervisor ? dirname(here) : here;
  try {
    const words = (file: string): string[] =>
      readFileSync(join(base, file), 'utf8').trim().split(/\s+/);
    const offered = words('cgroup.controllers');
    if (!offered.includes('memory') || !offered.includes('pids')) return null;
    accessSync(base, constants.W_OK);
    const wanted = ['memory', 'pids', 'cpu'].filter((name) => offered.includes(name));
    if (wanted.some((name) => !words('cgroup.subtree_control').includes(name))) {
      const leaf = join(base, supervisor);
      mkdirSync(leaf, { recursive: true });
      for (const pid of words('cgroup.procs').filter((line) => line !== '')) {
        writeFileSync(join(leaf, 'cgroup.procs'), pid);
      }
      const add = wanted.map((name) => `+${name}`).join(' ');
      writeFileSync(join(base, 'cgroup.subtree_control'), add);
    }
    return { base, hasCpu: wanted.includes('cpu') };
  } catch (error) {
    // Not delegated to this account, or shared with processes that cannot be moved.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

/** The hierarchies of cgroup v1, below this process's own groups, so that what holds it holds its sandboxes too. */
export async function findV1(): Promise<V1Hierarchies | null> {
  const of = (controller: string): string | null => {
    const mount = mounts().find(
      ({ type, options }) => type === 'cgroup' && options.includes(controller),
    )?.path;
    if (mount === undefined) return null;
    const own = join(mount, ownPaths().get(controller) ?? '/');
    // Inside a container the path is the host's, and what is mounted is the container's own group.
    const base = existsSync(own) ? own : mount;
    try {
      accessSync(base, constants.W_OK);
      return base;
    } catch {
      return null;
    }
  };
  const [memory, pids, cpu] = [of('memory'), of('pids'), of('cpu')];
  if (memory === null || pids === null) return null;
  for (const base of [memory, pids, cpu]) if (base !== null) await removeLeftovers(base);
  return { memory, pids, cpu };
}

/** Groups of processes that were killed. */
export async function removeLeftovers(base: string): Promise<void> {
  for (const name of readdirSync(base)) {
    const pid = /^airlock-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await removeGroup(join(base, name));
  }
}

function mounts(): { path: string; type: string; options: string[] }[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [left, right] = line.split(' - ');
      const path = left?.split(' ')[4];
      const [type, , options] = right?.split(' ') ?? [];
      if (path === undefined || type === undefined) return [];
      return [{ path, type, options: options?.split(',') ?? [] }];
    });
}

/** Of this process: controller to path; '' for version 2. */
function ownPaths(): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').split('\n')) {
    const [, controllers, ...path] = line.split(':');
    for (const name of controllers?.split(',') ?? []) paths.set(name, path.join(':'));
  }
  return paths;
}
