import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { listensIn } from '@airlock/sandbox/listening';
import { runUnisolated } from '@airlock/sandbox/unisolated';
import { hostCatalogue, type Catalogue } from './catalogue.ts';
import { endOf, type Isolation } from './isolation.ts';

const hostPath = ['/usr/local/bin', '/usr/bin', '/bin', process.env['PATH']]
  .filter((part) => part !== undefined && part !== '')
  .join(delimiter);

/**
 * No isolation: commands run as this process's own user. For the demo on a machine without bubblewrap; whoever may change
 * the repository has this user's rights here. What ran is attested with mode `none`.
 *
 * @param nodeDirectory directory of a Node binary for the PATH; null for none.
 * @param catalogue of images that are this machine; default: every image.
 */
export function noIsolation(
  nodeDirectory: string | null,
  catalogue: Catalogue = hostCatalogue,
): Isolation {
  const run: Isolation['run'] = (given) => {
    const { command, env, workspace, directory, input, wallSeconds, onOutput } = given;
    const signal = endOf(given);
    const workingDirectory = join(workspace, directory ?? '.');
    return runUnisolated({
      command,
      env: {
        PATH: nodeDirectory === null ? hostPath : `${nodeDirectory}${delimiter}${hostPath}`,
        ...env,
        HOME: workspace,
        CI_WORKSPACE: workingDirectory,
        ...(input === undefined ? {} : { AIRLOCK_INPUT: input }),
      },
      workingDirectory,
      wallSeconds,
      onOutput,
      signal,
    });
  };
  return {
    mode: 'none',
    catalogue,
    run,
    // All there is is this machine's own loopback, and names on it are not ours to give.
    openNetwork: () =>
      Promise.resolve({
        run,
        listens: (port) => listensIn('self', port),
        close: () => Promise.resolve(),
      }),
  };
}

/** Of the programs that every job needs, those that commands without isolation would not find. */
export function missingPrograms(path: string = hostPath): string[] {
  const found = (name: string): boolean =>
    path.split(delimiter).some((directory) => {
      try {
        accessSync(join(directory, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  return ['sh', 'tar', 'gzip'].filter((name) => !found(name));
}
