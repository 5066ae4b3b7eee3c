/** Files that lie in the home of a job from its beginning. The home is the workspace, where the source may lie as well. */
import type { Isolation } from './isolation/isolation.ts';
import type { Workspace } from './workspace.ts';

export type HomeFile = {
  /** Of the home itself; what the source has there already stays as it is. */
  readonly directory: string;
  readonly name: string;
  readonly text: string;
};

/** Git says nothing of them: a build may ask whether its work tree is clean. */
const script = `umask 077; cd -- "$HOME" || exit
while [ $# -gt 2 ]; do
  if mkdir -- "$1" 2>/dev/null; then
    printf %s "$3" > "$1/$2"
    if [ -d .git ]; then mkdir -p .git/info && printf '/%s/\\n' "$1" >> .git/info/exclude; fi
  fi
  shift 3
done`;

/** Writes them from inside the isolation, where the source's own links lead nowhere else. */
export async function furnishHome(
  options: { isolation: Isolation; workspace: Workspace; signal: AbortSignal },
  files: readonly HomeFile[],
): Promise<void> {
  const { isolation, workspace, signal } = options;
  if (files.length === 0) return;
  await isolation.run({
    command: [
      ...['/bin/sh', '-c', script, 'sh'],
      ...files.flatMap(({ directory, name, text }) => [directory, name, text]),
    ],
    env: {},
    workspace: workspace.path,
    writable: true,
    wallSeconds: 60,
    signal,
    onOutput: () => {},
  });
  signal.throwIfAborted();
}
