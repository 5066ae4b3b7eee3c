import { posix } from 'node:path';
import { runSandboxed, type SandboxNetwork } from '@airlock/sandbox/bubblewrap';
import { openNetwork } from '@airlock/sandbox/network';
import { hostCatalogue, type Catalogue } from './catalogue.ts';
import type { Isolation } from './isolation.ts';

const workspaceInside = '/build';
const inputInside = '/run/airlock/input';
const machinePath = '/opt/node/bin:/usr/local/bin:/usr/bin:/bin';
const imagePath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Every command in a sandbox of its own, so that nothing but the workspace goes from one step to the next.
 *
 * @param options.nodeBinary absolute path of a Node binary, not a link, shown as /opt/node/bin/node to commands that see the
 *   programs of this machine; null for none.
 * @param options.catalogue default: every image is this machine.
 */
export function bubblewrapIsolation(options: {
  nodeBinary: string | null;
  catalogue?: Catalogue;
}): Isolation {
  const { nodeBinary, catalogue = hostCatalogue } = options;
  type Shared = { readonly network: SandboxNetwork; readonly names: readonly string[] };
  const runIn =
    (shared?: Shared): Isolation['run'] =>
    ({ image = catalogue.base, workspace, directory, writable, input, ...rest }) => {
      const { command, env, wallSeconds, onOutput, signal } = rest;
      const isMachine = image.root.kind !== 'directory';
      const workingDirectory = posix.join(workspaceInside, directory ?? '.');
      return runSandboxed({
        command,
        env: {
          PATH: isMachine ? machinePath : imagePath,
          ...env,
          HOME: workspaceInside,
          CI_WORKSPACE: workingDirectory,
          ...(input === undefined ? {} : { AIRLOCK_INPUT: inputInside }),
        },
        root: image.root.kind === 'directory' ? { directory: image.root.path } : 'host',
        binds: [
          { source: workspace, target: workspaceInside, writable },
          ...(input === undefined ? [] : [{ source: input, target: inputInside }]),
          ...(nodeBinary === null || !isMachine
            ? []
            : [{ source: nodeBinary, target: '/opt/node/bin/node' }]),
        ],
        files: [],
        workingDirectory,
        hostname: 'build',
        network: shared?.network,
        loopbackNames: shared?.names ?? [],
        // Wide enough for large builds; what they protect is the machine, not fairness between jobs.
        limits: { wallSeconds, fileBytes: 8 * 1024 ** 3, processes: 2048, openFiles: 8192 },
        onOutput,
        signal,
      });
    };
  return {
    mode: 'bubblewrap',
    catalogue,
    run: runIn(),
    async openNetwork(names) {
      const network = await openNetwork();
      return {
        run: runIn({ network, names }),
        listens: (port) => network.listens(port),
        close: () => network.close(),
      };
    },
  };
}
