/** A pool of a drill's own: its jobs go to nobody else's machines. */
import { z } from 'zod';
import { signedIn } from '../signed-in.ts';
import type { DrillTarget } from './target.ts';

const Pools = z.object({
  pools: z.array(z.looseObject({ name: z.string(), version: z.number() })),
});

export interface PoolWish {
  readonly trust: 0 | 1 | 2 | 3;
  readonly images: readonly {
    readonly glob: string;
    readonly digest?: string;
    readonly plugin?: boolean;
  }[];
  /** Whether the repository of the drills may use it. */
  readonly granted: boolean;
}

/** Makes or changes the pool of that name. A pool stays: what a drill leaves is one that nobody may use. */
export async function savePool(target: DrillTarget, name: string, wish: PoolWish): Promise<void> {
  const { trust, images, granted } = wish;
  const platform = await signedIn(target.nonprod, 'oke');
  const { pools } = Pools.parse(await platform.getJson('/api/v1/pools'));
  await platform.putJson(`/api/v1/pools/${name}`, {
    ...{ version: pools.find((pool) => pool.name === name)?.version ?? 0, trust },
    ...{ isolation: 'bubblewrap', once: false, images },
    reuse: trust === 0 ? 'a drill' : null,
    repositories: granted ? [target.repository.name] : [],
  });
}

/** Works with a pool that the repository may use, and takes the grant back whatever comes of it. */
export async function withPool<T>(
  target: DrillTarget,
  name: string,
  wish: Omit<PoolWish, 'granted'>,
  work: () => Promise<T>,
): Promise<T> {
  await savePool(target, name, { ...wish, granted: true });
  try {
    return await work();
  } finally {
    await savePool(target, name, { ...wish, granted: false });
  }
}
