import { statfs } from 'node:fs/promises';
import type { SandboxResult } from '@airlock/sandbox/bubblewrap';
import { watchDisk } from './disk-watch.ts';
import type { IsolatedCommand } from './isolation.ts';
import { exceededSentence, type BuildLimits } from './limits.ts';

/** What is left of a file system of a job's own when a step stopped at its end. */
const fullBytes = 64 * 1024;

/**
 * Runs one command while its workspace is watched, and says in its log which limit it ran into, if any.
 *
 * @param run is given a signal that is also aborted when the workspace is full.
 */
export async function withinDisk(
  given: Pick<IsolatedCommand, 'workspace' | 'onOutput' | 'signal'> & { limits: BuildLimits },
  run: (signal: AbortSignal) => Promise<SandboxResult>,
): Promise<SandboxResult> {
  const { workspace, limits, onOutput, signal } = given;
  const full = new AbortController();
  const isWalled = limits.workspace === 'walled';
  const stop = isWalled
    ? () => Promise.resolve()
    : watchDisk(workspace, limits, () => {
        full.abort();
      });
  let result: SandboxResult;
  try {
    result = await run(AbortSignal.any([signal, full.signal]));
  } finally {
    await stop();
  }
  if (full.signal.aborted && !signal.aborted && result.outcome === 'cancelled') {
    const exceeded = [...result.exceeded, 'disk' as const];
    result = { ...result, outcome: 'signalled', exitCode: 137, signal: 'SIGKILL', exceeded };
  }
  if (isWalled && result.exitCode !== 0 && (await isFull(workspace))) {
    result = { ...result, exceeded: [...result.exceeded, 'disk'] };
  }
  const sentence = exceededSentence(result, limits);
  // A command that went on without what it wanted needs no explanation.
  if (sentence !== null && result.exitCode !== 0) {
    await onOutput('stderr', Buffer.from(`this step ${sentence}\n`));
  }
  return { ...result, enforced: [...result.enforced, `workspace:${limits.workspace}`] };
}

async function isFull(workspace: string): Promise<boolean> {
  const { bavail, bsize, ffree } = await statfs(workspace);
  return bavail * bsize < fullBytes || ffree === 0;
}
