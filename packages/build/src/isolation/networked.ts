import { openNetwork } from '@airlock/sandbox/network';
import type { SandboxNetwork, SandboxResult } from '@airlock/sandbox/options';
import type { Catalogue } from './catalogue.ts';
import { openWay, type EgressRules, type Way } from './egress.ts';
import type { IsolatedCommand, IsolatedNetwork, Isolation } from './isolation.ts';

/** What several commands are in together. */
export type Surroundings = {
  readonly network: SandboxNetwork;
  readonly names: readonly string[];
};

type Shared = Surroundings & {
  /** Null: it leads nowhere. */
  readonly way: Way | null;
  /** Of the commands that run in it: where a line for people goes. */
  readonly outputs: Set<IsolatedCommand['onOutput']>;
};

/**
 * Commands that have a network with one another where they need one, and a way out of it where the builder allows it.
 *
 * @param around.start runs one command; `way` is the environment of the way out, or null.
 */
export function networkedIsolation(around: {
  readonly mode: Isolation['mode'];
  readonly catalogue: Catalogue;
  readonly egress: EgressRules | null;
  readonly start: (
    given: IsolatedCommand,
    shared: Surroundings | null,
    way: Way['env'] | null,
  ) => Promise<SandboxResult>;
}): Isolation {
  const { mode, catalogue, egress, start } = around;

  const runOne = async (shared: Shared | null, given: IsolatedCommand): Promise<SandboxResult> => {
    const way = given.egress === true ? (shared?.way ?? null) : null;
    shared?.outputs.add(given.onOutput);
    try {
      return await start(given, shared, way?.env ?? null);
    } finally {
      shared?.outputs.delete(given.onOutput);
      const summary = way?.summary() ?? null;
      if (summary !== null) await given.onOutput('stderr', Buffer.from(summary));
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
    mode,
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
