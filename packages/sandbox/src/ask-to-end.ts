import { readdirSync, readFileSync } from 'node:fs';

/**
 * Asks every process that descends from this one to end (SIGTERM), and not that one itself.
 *
 * @param first of this machine, and alive; what has lost its own parent has to be its child, as in a process namespace of
 *   its own.
 * @returns how many were asked.
 */
export function askToEnd(first: number): number {
  let asked = 0;
  for (const pid of descendants(first)) {
    try {
      process.kill(pid, 'SIGTERM');
      asked += 1;
    } catch (error) {
      // Ended by itself meanwhile.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
  return asked;
}

function descendants(pid: number): number[] {
  let children: number[];
  try {
    children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .split(' ')
        .filter((text) => text !== '')
        .map(Number),
    );
  } catch {
    // It ended while it was looked at, and so has nobody below it.
    return [];
  }
  return children.flatMap((child) => [child, ...descendants(child)]);
}
