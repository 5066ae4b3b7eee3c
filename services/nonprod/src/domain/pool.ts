/** A pool: machines that execute jobs down to one level of trust, and which images they have for them. */
import { z } from 'zod';
import { heardWithinSeconds } from './runner.ts';
import { trustWords, type GlobMatch, type TrustLevel } from './trust-level.ts';

export const isolationModes = ['bubblewrap', 'podman', 'user', 'none'] as const;
export type IsolationMode = (typeof isolationModes)[number];

/** A reason that people read. */
export const PoolReuse = z.string().trim().min(5, 'say why in a few words').max(300);

export interface PoolImage {
  /** Over what stands behind `image:`, such as node:* or registry.example/**. */
  readonly glob: string;
  /** sha256:<hex> that the image or root directory must have; null: whatever the runner has under that name. */
  readonly digest: string | null;
  /** Whether a step without commands may run it with settings. */
  readonly plugin: boolean;
}

export interface Pool {
  readonly name: string;
  /** Lowest trust of what it executes: of a run of a lower level it gets nothing. */
  readonly trust: TrustLevel;
  readonly isolation: IsolationMode;
  /** Its runners take one job and end. */
  readonly once: boolean;
  /** Of trust 0 alone: why its runners are used again after a stranger’s build. Null: they are not. */
  readonly reuse: string | null;
  readonly images: readonly PoolImage[];
  /** What `labels:` of a workflow are compared with. */
  readonly labels: Readonly<Record<string, string>>;
  /** Granted to every repository; of pools of trust 0 alone. */
  readonly everyone: boolean;
  /** Repositories that it was granted to by name. */
  readonly repositories: readonly string[];
  /** Jobs at once; null: as many as it has runners for. */
  readonly concurrency: number | null;
  /** Name of the list of places that its builds may reach; null: none. */
  readonly egress: string | null;
}

/**
 * The pools that an installation begins with. One pool for everything is one that strangers' pull requests run in, so it has
 * trust 0; two of them keep main apart.
 *
 * @param settings.reuse why runners of the pool of trust 0 are used again; null: they take one job and end.
 */
export function firstPools(settings: {
  readonly main: string;
  readonly other: string;
  readonly reuse: string | null;
}): Pool[] {
  const first = (name: string, trust: TrustLevel): Pool => ({
    ...{ name, trust, isolation: 'bubblewrap', labels: {}, repositories: [] },
    ...(trust === 0
      ? { once: settings.reuse === null, reuse: settings.reuse }
      : { once: false, reuse: null }),
    ...{ everyone: trust === 0, concurrency: null, egress: null },
    images: [{ glob: '**', digest: null, plugin: true }],
  });
  const { main, other } = settings;
  if (main === other) return [first(main, 0)];
  return [first(main, 3), first(other, 0)];
}

/** Whether a runner gets one job and no other: after a stranger’s build nobody knows what it is. */
export function takesOneJob({
  trust,
  once,
  reuse,
}: Pick<Pool, 'trust' | 'once' | 'reuse'>): boolean {
  return once || (trust === 0 && reuse === null);
}

/** What its runners run on, by its label platform; null: on anything. */
export function platformOf({ labels }: Pick<Pool, 'labels'>): string | null {
  const named = Object.hasOwn(labels, 'platform') ? labels['platform'] : undefined;
  return named === undefined || named === '*' ? null : named;
}

/** @param pool.able runners that were heard of lately, may have jobs, and run on what the pool is for. */
export function noRunnerText(pool: {
  readonly name: string;
  readonly platform: string | null;
  readonly able: number;
}): string | null {
  if (pool.able > 0) return null;
  const kind = pool.platform === null ? '' : ` on ${pool.platform}`;
  return `No runner${kind} of the pool ${pool.name} that takes jobs has been heard of in the last ${heardWithinSeconds / 60} minutes. It starts when one comes; whoever has the platform role adds one at /runners/new.`;
}

export interface PoolFault {
  readonly field: keyof Pool;
  readonly message: string;
}

/**
 * What keeps a pool from being saved. A setting that its isolation could not keep is refused: one that is accepted and does
 * nothing is a promise that nobody keeps.
 */
export function poolFaults(pool: Pool): PoolFault[] {
  const faults: PoolFault[] = [];
  const fault = (field: keyof Pool, message: string): void => {
    faults.push({ field, message });
  };
  const { trust, isolation, images } = pool;
  const hasImages = isolation === 'bubblewrap' || isolation === 'podman';
  if (isolation === 'none' && trust > 0) {
    fault('isolation', 'none is for trying things out: a pool of trust 1 or more isolates builds');
  }
  if (!hasImages && images.length > 0) {
    fault(
      'images',
      `with isolation ${isolation} steps run on the machine as it is: no image counts`,
    );
  }
  if (!hasImages && pool.egress !== null) {
    fault('egress', `isolation ${isolation} has no network of its own that a list could govern`);
  }
  if (hasImages && images.length === 0) {
    fault('images', 'without an image no job can run here; list those that builds may name');
  }
  if (trust > 0 && pool.everyone) {
    fault('everyone', `only a pool of trust 0 is open to every repository; name them instead`);
  }
  if (takesOneJob(pool) && !pool.once) {
    fault(
      'once',
      'in a pool of trust 0 runners take one job and end; to use them again after a stranger’s build say why in reuse',
    );
  }
  if (pool.reuse !== null && (pool.once || trust > 0)) {
    fault('reuse', 'it is for runners of trust 0 that are used again; leave it out');
  }
  for (const { glob, digest } of images) {
    if (digest !== null) continue;
    if (isolation === 'podman') {
      fault('images', `${glob}: podman runs an image by its digest; write it as sha256:<64 hex>`);
    } else if (trust >= 2) {
      fault('images', `${glob}: a pool of trust ${trust} names the digest of each image`);
    }
  }
  return faults;
}

/** What whoever looks after a pool should know, although it may stay so. */
export function poolWarnings(pool: Pool): string[] {
  const warnings: string[] = [];
  if (pool.trust === 0 && pool.reuse !== null) {
    warnings.push(
      `Its runners are used again after a stranger’s build: ${pool.reuse}. Better enrol runners that take one job and end (once).`,
    );
  }
  if (pool.trust >= 2 && pool.images.some(({ digest }) => digest === null)) {
    warnings.push(
      `It has trust ${pool.trust} and images without a digest; a name can come to mean something else.`,
    );
  }
  return warnings;
}

export type Placement =
  | { readonly kind: 'placed'; readonly pool: Pool; readonly notes: readonly string[] }
  | { readonly kind: 'refused'; readonly code: PlacementCode; readonly reason: string };

export type PlacementCode =
  | 'pool-unknown'
  | 'pool-not-granted'
  | 'pool-above-trust'
  | 'no-pool-matches'
  | 'image-not-listed'
  | 'image-no-plugin';

/** What a workflow asks of the pool that it runs in. */
export interface PlacedWorkflow {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly images: readonly {
    readonly step: string;
    readonly image: string;
    readonly plugin: boolean;
  }[];
}

/**
 * The pool for one workflow: of those granted to the repository and not above the run's level, the most trusted one that has
 * every label. `labels: { pool: NAME }` chooses among them by name; it opens nothing.
 */
export function placeWorkflow(
  workflow: PlacedWorkflow,
  run: { readonly repository: string; readonly level: TrustLevel },
  pools: readonly Pool[],
  matches: GlobMatch,
): Placement {
  const { pool: wanted, ...labels } = workflow.labels;
  const where = `Workflow ${workflow.name}`;
  const granted = pools.filter((pool) => isGranted(pool, run.repository));
  if (wanted !== undefined) {
    const named = pools.find(({ name }) => name === wanted);
    if (named === undefined) {
      return refused('pool-unknown', `${where}: there is no pool ${wanted}.`);
    }
    if (!granted.includes(named)) {
      return refused(
        'pool-not-granted',
        `${where}: the pool ${wanted} is not granted to ${run.repository}; whoever has the platform role grants it at /pools/${wanted}.`,
      );
    }
    if (named.trust > run.level) {
      return refused(
        'pool-above-trust',
        `${where}: the pool ${wanted} takes trust ${named.trust} (${trustWords[named.trust]}) and above, and this run has ${run.level} (${trustWords[run.level]}).`,
      );
    }
  }
  const fitting = openPools(pools, run)
    .filter((pool) => wanted === undefined || pool.name === wanted)
    .filter((pool) => hasLabels(pool, labels));
  const [best] = fitting;
  if (best === undefined) return refused('no-pool-matches', noPool(where, labels, run, granted));
  // Another pool of the same trust may have what the best has not.
  const judged = fitting.map((pool) => ({
    pool,
    fault: imageFault(where, workflow, pool, matches),
  }));
  const chosen = judged.find(({ pool, fault }) => fault === null && pool.trust === best.trust);
  if (chosen === undefined) return judged[0]?.fault ?? refused('image-not-listed', where);
  const { pool } = chosen;
  const notes =
    pool.trust < run.level
      ? [
          `Runs in the pool ${pool.name}, which executes trust ${pool.trust} (${trustWords[pool.trust]}) as well: no pool of trust ${run.level} is granted or fits.`,
        ]
      : [];
  return { kind: 'placed', pool, notes };
}

function isGranted(pool: Pool, repository: string): boolean {
  return (pool.everyone && pool.trust === 0) || pool.repositories.includes(repository);
}

/** Every pool that a workflow of such a run may choose by its labels, the most trusted first. */
export function openPools(
  pools: readonly Pool[],
  { repository, level }: { readonly repository: string; readonly level: TrustLevel },
): Pool[] {
  return pools
    .filter((pool) => isGranted(pool, repository) && pool.trust <= level)
    .sort((a, b) => b.trust - a.trust || (a.name < b.name ? -1 : 1));
}

/** Labels that Woodpecker's agents have by themselves say nothing about a pool here. */
const ownLabels: ReadonlySet<string> = new Set(['repo']);

function hasLabels(pool: Pool, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([name, value]) => {
    if (ownLabels.has(name)) return true;
    if (name === 'backend') return value === '*' || value === pool.isolation;
    const has = Object.hasOwn(pool.labels, name) ? pool.labels[name] : undefined;
    if (has === undefined) return false;
    // Of a pool for any platform nobody knows which of them its next runner has.
    const isOpen = has === '*' && name !== 'platform';
    return value === '*' || isOpen || value === has;
  });
}

function noPool(
  where: string,
  labels: Readonly<Record<string, string>>,
  run: { readonly repository: string; readonly level: TrustLevel },
  granted: readonly Pool[],
): string {
  const open = granted.filter(({ trust }) => trust <= run.level);
  if (open.length === 0) {
    const others = granted.map(({ name, trust }) => `${name} (trust ${trust})`).join(', ');
    return `${where}: no pool for runs of trust ${run.level} (${trustWords[run.level]}) is granted to ${run.repository}${others === '' ? '' : `; it has ${others}`}. Whoever has the platform role grants one at /pools.`;
  }
  const wanted = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return `${where}: none of the pools ${open.map(({ name }) => name).join(', ')} has ${wanted.join(', ')}. Labels of pools stand at /pools.`;
}

function imageFault(
  where: string,
  workflow: PlacedWorkflow,
  pool: Pool,
  matches: GlobMatch,
): Extract<Placement, { kind: 'refused' }> | null {
  if (pool.isolation !== 'bubblewrap' && pool.isolation !== 'podman') return null;
  for (const { step, image, plugin } of workflow.images) {
    const entries = pool.images.filter(({ glob }) => matches(glob, image));
    if (entries.length === 0) {
      return refused(
        'image-not-listed',
        `${where}, step ${step}: the pool ${pool.name} does not list the image ${image}. Whoever has the platform role adds it at /pools/${pool.name}; it has ${listed(pool)}.`,
      );
    }
    if (plugin && !entries.some((entry) => entry.plugin)) {
      return refused(
        'image-no-plugin',
        `${where}, step ${step}: ${image} is not listed as a plugin in the pool ${pool.name}; a step with settings and without commands needs that.`,
      );
    }
  }
  return null;
}

function listed({ images }: Pool): string {
  const globs = images.slice(0, 8).map(({ glob }) => glob);
  return globs.join(', ') + (images.length > globs.length ? ' and others' : '');
}

function refused(code: PlacementCode, reason: string): Extract<Placement, { kind: 'refused' }> {
  return { kind: 'refused', code, reason };
}
