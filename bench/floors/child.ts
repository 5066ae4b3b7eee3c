import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export type Child = { readonly pid: number; stop(): Promise<void> };

/** A floor as a process of its own, so that it has a processor to itself as the service has; says when it listens. */
export async function startFloor(name: string, args: readonly string[]): Promise<Child> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, {
    // As this process was started, so that workspaces are found by their sources.
    execArgv: process.execArgv,
  });
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]: unknown[]) => {
      throw new Error(`the floor ${name} ended with ${String(code)}`);
    }),
  ]);
  return {
    pid: child.pid ?? 0,
    async stop() {
      if (child.exitCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
