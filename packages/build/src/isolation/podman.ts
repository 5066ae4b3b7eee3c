import { posix } from 'node:path';
import { runsAsRoot } from '@airlock/sandbox/host';
import { runContained } from '@airlock/sandbox/podman/container';
import { emptyImage, type Podman } from '@airlock/sandbox/podman/store';
import { createCatalogue, type Catalogue } from './catalogue.ts';
import type { EgressRules } from './egress.ts';
import { endOf, type IsolatedCommand, type IsolatedNetwork, type Isolation } from './isolation.ts';
import { defaultLimits, limitsOf, type BuildLimits } from './limits.ts';
import { networkedIsolation } from './networked.ts';
import { withinDisk } from './within-disk.ts';

const workspaceInside = '/build';
const inputInside = '/run/airlock/input';
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Every command in a container of its own, of the image that its step names. Only as root can the commands of a workflow reach
 * one another: a container of an ordinary user cannot enter a network that it did not make.
 *
 * @param options.shown beside what each command is shown; default: nothing.
 * @param options.egress as root only; default: nowhere.
 */
export function podmanIsolation(options: {
  podman: Podman;
  catalogue: Catalogue;
  limits?: BuildLimits;
  egress?: EgressRules | null;
  shown?: NonNullable<IsolatedCommand['shown']>;
  words?: readonly string[];
}): Isolation {
  const { podman, catalogue, shown = [], words = [] } = options;
  const { limits: ofBuilder = defaultLimits, egress = null } = options;
  const isolation = networkedIsolation({
    mode: 'podman',
    catalogue,
    egress,
    async start(given, shared, way) {
      const { image = catalogue.base, workspace, writable, input, onOutput } = given;
      if (image.root.kind !== 'container') {
        throw new TypeError(`${image.listedAs} is no container: the catalogue was read for podman`);
      }
      const { reference, hasPath } = image.root;
      const workingDirectory = posix.join(workspaceInside, given.directory ?? '.');
      const limits = limitsOf(ofBuilder, given.limits);
      const result = await withinDisk(
        { workspace, limits, onOutput, signal: endOf(given) },
        (signal) =>
          runContained(podman, {
            image: reference,
            command: given.command,
            env: {
              ...(hasPath ? {} : { PATH: path }),
              ...way,
              ...given.env,
              HOME: workspaceInside,
              CI_WORKSPACE: workingDirectory,
              ...(input === undefined ? {} : { AIRLOCK_INPUT: inputInside }),
            },
            binds: [
              { source: workspace, target: workspaceInside, writable },
              ...(input === undefined ? [] : [{ source: input, target: inputInside }]),
              ...shown,
              ...(given.shown ?? []),
            ],
            workingDirectory,
            hostname: 'build',
            network: shared?.network,
            loopbackNames: shared?.names ?? [],
            limits: { ...limits, wallSeconds: given.wallSeconds },
            onOutput,
            signal,
          }),
      );
      return { ...result, enforced: [...result.enforced, ...words] };
    },
  });
  if (runsAsRoot()) return isolation;
  const alone: IsolatedNetwork = {
    run: (given) => isolation.run(given),
    listens: () => Promise.resolve(false),
    close: () => Promise.resolve(),
  };
  return { ...isolation, openNetwork: () => Promise.resolve(alone) };
}

/** This machine's own programs in a container, with `node` as its Node: what a self-test runs in. */
export async function machineInPodman(
  podman: Podman,
  options: { readonly node: string; readonly limits: BuildLimits },
): Promise<Isolation> {
  const reference = await emptyImage(podman);
  const root = { kind: 'container', reference, digest: '', hasPath: false } as const;
  return podmanIsolation({
    podman,
    catalogue: createCatalogue([{ listedAs: '**', root, entrypoint: [], plugin: false }]),
    limits: options.limits,
    shown: [
      { source: '/usr', target: '/usr' },
      { source: options.node, target: '/opt/node/bin/node' },
    ],
  });
}
