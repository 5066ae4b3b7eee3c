import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countIn, groupName, joinPrefix, removeGroup } from './cgroup-files.ts';
import type { ControlGroup, Exceeded, GroupLimits } from './group.ts';

/** A directory in each hierarchy in which groups may be made. */
export type V1Hierarchies = {
  readonly memory: string;
  readonly pids: string;
  /** Null: this machine has no such controller, and time is not limited. */
  readonly cpu: string | null;
};

const periodMicroseconds = 100_000;

/** @see Documentation/admin-guide/cgroup-v1 of Linux: memory, pids, cpu */
export function openV1(hierarchies: V1Hierarchies, limits: GroupLimits): ControlGroup {
  const name = groupName();
  const memory = join(hierarchies.memory, name);
  const pids = join(hierarchies.pids, name);
  const cpu =
    hierarchies.cpu === null || limits.cpus === undefined ? null : join(hierarchies.cpu, name);
  const all = [memory, pids, ...(cpu === null ? [] : [cpu])];
  for (const directory of all) mkdirSync(directory);
  writeFileSync(join(memory, 'memory.limit_in_bytes'), String(limits.memoryBytes));
  const withSwap = join(memory, 'memory.memsw.limit_in_bytes');
  // Without it the kernel does not account swap, and there may be none.
  if (existsSync(withSwap)) writeFileSync(withSwap, String(limits.memoryBytes));
  writeFileSync(join(pids, 'pids.max'), String(limits.processes));
  if (cpu !== null) {
    writeFileSync(join(cpu, 'cpu.cfs_period_us'), String(periodMicroseconds));
    const quota = Math.max(1000, Math.round((limits.cpus ?? 0) * periodMicroseconds));
    writeFileSync(join(cpu, 'cpu.cfs_quota_us'), String(quota));
  }
  return {
    prefix: joinPrefix(all),
    words: [
      ...['memory:cgroup-v1', 'processes:cgroup-v1'],
      ...(cpu === null ? [] : ['cpu:cgroup-v1']),
    ],
    exceeded() {
      const exceeded: Exceeded[] = [];
      const killed = countIn(join(memory, 'memory.oom_control'), 'oom_kill');
      if (killed > 0) exceeded.push('memory');
      // Kernels before 4.3 have no such file, and no pids controller either.
      const refused = readFileSync(join(pids, 'pids.events'), 'utf8');
      if (!/^max 0$/m.test(refused)) exceeded.push('processes');
      return exceeded;
    },
    async remove() {
      for (const directory of all) await removeGroup(directory);
    },
  };
}
