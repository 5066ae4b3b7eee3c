/** Memory without a control group: a look at all processes of a sandbox several times a second. */
import { readFileSync, readdirSync } from 'node:fs';

const lookMs = 200;

/**
 * Calls `exceeded` once, when the processes below `pid` together hold more memory than `memoryBytes` that is theirs alone or
 * shared memory. Between two looks a build can take more than that.
 *
 * @returns what ends the watch.
 */
export function watchMemory(pid: number, memoryBytes: number, exceeded: () => void): () => void {
  const timer = setInterval(() => {
    if (memoryBelow(pid) <= memoryBytes) return;
    clearInterval(timer);
    exceeded();
  }, lookMs);
  return () => {
    clearInterval(timer);
  };
}

function memoryBelow(pid: number): number {
  let [total, next]: [number, number[]] = [0, [pid]];
  while (next.length > 0) {
    const children: number[] = [];
    for (const each of next) {
      try {
        const status = readFileSync(`/proc/${each}/status`, 'utf8');
        for (const [, kilobytes] of status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)) {
          total += Number(kilobytes) * 1024;
        }
        // A child hangs on the thread that made it.
        for (const thread of readdirSync(`/proc/${each}/task`)) {
          const list = readFileSync(`/proc/${each}/task/${thread}/children`, 'utf8');
          children.push(...list.split(' ').filter(Boolean).map(Number));
        }
      } catch (error) {
        // Ended between two reads.
        if (!(error instanceof Error && 'code' in error)) throw error;
      }
    }
    next = children;
  }
  return total;
}
