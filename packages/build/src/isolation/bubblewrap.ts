import { posix } from 'node:path';
import { runSandboxed, type SandboxNetwork, type SandboxResult } from '@airlock/sandbox/bubblewrap';
import { openNetwork } from '@airlock/sandbox/network';
import { hostCatalogue, type Catalogue } from './catalogue.ts';
import { openWay, type EgressRules, type Way } from './egress.ts';
import type { IsolatedCommand, IsolatedNetwork, Isolation } from './isolation.ts';
import { defaultLimits, limitsOf, type BuildLimits } from './limits.ts';
import { withinDisk } from './within-disk.ts';

const workspaceInside = '/build';
const inputInside = '/run/airlock/input';
const machinePath = '/opt/node/bin:/usr/local/bin:/usr/bin:/bin';
const imagePath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

type Shared = {
  readonly network: SandboxNetwork;
  readonly names: readonly string[];
  /** Null: it leads nowhere. */
  readonly way: Way | null;
  /** Of the commands that run in it: where a line for people goes. */
  readonly outputs: Set<IsolatedCommand['onOutput']>;
};

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

  const runOne = async (shared: Shared | null, given: IsolatedCommand): Promise<SandboxResult> => {
    const {
      image = catalogue.base,
      workspace,
      writable,
      input,
      env,
      onOutput,
      wallSeconds,
    } = given;
    const isMachine = image.root.kind !== 'directory';
    const workingDirectory = posix.join(workspaceInside, given.directory ?? '.');
    const limits = limitsOf(ofBuilder, given.limits);
    const way = given.egress === true ? (shared?.way ?? null) : null;
    shared?.outputs.add(onOutput);
    try {
      const result = await withinDisk(
        { workspace, limits, onOutput, signal: given.signal },
        (signal) =>
          runSandboxed({
            command: given.command,
            env: {
              PATH: isMachine ? machinePath : imagePath,
              ...way?.env,
              ...env,
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
            limits: { ...limits, wallSeconds },
            onOutput,
            signal,
            cancelled: given.cancelled,
          }),
      );
      return { ...result, enforced: [...result.enforced, ...words] };
    } finally {
      shared?.outputs.delete(onOutput);
      const summary = way?.summary() ?? null;
      if (summary !== null) await onOutput('stderr', Buffer.from(summary));
    }
  };

  const open = async (names: readonly string[]): Promise<Shared> => {
    const network = await openNetwork();
    const outputs: Shared['outputs'] = new Set();
    if (egress === null) return { network, names, way: null, outputs };
    const onRefused = (line: string): void => {
      // A taker that fails ends its own command.
      for (const tell of outputs)
        void Promise.resolve(tell('stderr', Buffer.from(line))).catch(() => {});
    };
    try {
      return { network, names, way: await openWay(egress, { network, names, onRefused }), outputs };
    } catch (cause) {
      await network.close();
      throw cause;
    }
  };
  const close = async ({ way, network }: Shared): Promise<void> => {
    await way?.close();
    await network.close();
  };
  const runIn =
    (shared: Shared): Isolation['run'] =>
    async (given) =>
      inWords(await runOne(shared, given), given.egress === true && shared.way !== null);

  return {
    mode: 'bubblewrap',
    catalogue,
    async run(given) {
      if (egress === null || given.egress !== true) return runOne(null, given);
      const shared = await open([]);
      try {
        return await runIn(shared)(given);
      } finally {
        await close(shared);
      }
    },
    async openNetwork(names): Promise<IsolatedNetwork> {
      const shared = await open(names);
      return {
        run: runIn(shared),
        listens: (port) => shared.network.listens(port),
        close: () => close(shared),
      };
    },
  };
}

/** Who can go out is not said to have no network. */
function inWords(result: SandboxResult, hasWay: boolean): SandboxResult {
  if (!hasWay) return result;
  const enforced = result.enforced.map((word) =>
    word === 'no-network' ? 'egress-allow-list' : word,
  );
  return { ...result, enforced };
}
