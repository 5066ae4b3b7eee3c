import { posix } from 'node:path';
import { runSandboxed } from '@airlock/sandbox/bubblewrap';
import { hostCatalogue, type Catalogue } from './catalogue.ts';
import type { EgressRules } from './egress.ts';
import type { Isolation } from './isolation.ts';
import { defaultLimits, limitsOf, type BuildLimits } from './limits.ts';
import { networkedIsolation } from './networked.ts';
import { withinDisk } from './within-disk.ts';

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
 * @param options.egress where commands may connect to; default: nowhere.
 * @param options.words said in every result beside what the sandbox enforces; default: none.
 */
export function bubblewrapIsolation(options: {
  nodeBinary: string | null;
  catalogue?: Catalogue;
  limits?: BuildLimits;
  egress?: EgressRules | null;
  words?: readonly string[];
}): Isolation {
  const { nodeBinary, catalogue = hostCatalogue } = options;
  const { limits: ofBuilder = defaultLimits, egress = null, words = [] } = options;
  return networkedIsolation({
    mode: 'bubblewrap',
    catalogue,
    egress,
    async start(given, shared, way) {
      const { image = catalogue.base, workspace, writable, input, onOutput } = given;
      const isMachine = image.root.kind !== 'directory';
      const workingDirectory = posix.join(workspaceInside, given.directory ?? '.');
      const limits = limitsOf(ofBuilder, given.limits);
      const result = await withinDisk(
        { workspace, limits, onOutput, signal: given.signal },
        (signal) =>
          runSandboxed({
            command: given.command,
            env: {
              PATH: isMachine ? machinePath : imagePath,
              ...way,
              ...given.env,
              HOME: workspaceInside,
              CI_WORKSPACE: workingDirectory,
              ...(input === undefined ? {} : { AIRLOCK_INPUT: inputInside }),
            },
            root: image.root.kind === 'directory' ? { directory: image.root.path } : 'host',
            binds: [
              { source: workspace, target: workspaceInside, writable },
              ...(input === undefined ? [] : [{ source: input, target: inputInside }]),
              ...(given.shown ?? []),
              ...(nodeBinary === null || !isMachine
                ? []
                : [{ source: nodeBinary, target: '/opt/node/bin/node' }]),
            ],
            files: [],
            workingDirectory,
            hostname: 'build',
            network: shared?.network,
            loopbackNames: shared?.names ?? [],
            limits: { ...limits, wallSeconds: given.wallSeconds },
            onOutput,
            signal,
            cancelled: given.cancelled,
          }),
      );
      return { ...result, enforced: [...result.enforced, ...words] };
    },
  });
}
