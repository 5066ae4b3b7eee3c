/** What a pipeline of a repository can reach, for people and for programs. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import type { PoolStore } from '../../app/pool-ports.ts';
import type { SecretStore } from '../../app/secret-ports.ts';
import type { RepositoryRow, RepositoryStore } from '../../app/source-ports.ts';
import { takesOneJob } from '../../domain/pool.ts';
import { poolEgress } from '../../domain/pool-egress.ts';
import { reachOf, type Reach } from '../../domain/reach.ts';
import { missingGroups, type GroupRequired } from '../../domain/group-required.ts';
import { namedRepository } from '../heed-sight.ts';
import { ReachPage, type ReachedPool } from '../views/reach-page.tsx';

interface ReachPorts {
  readonly repositories: Pick<RepositoryStore, 'find'>;
  readonly pools: Pick<PoolStore, 'list' | 'egress'>;
  /** Null: this installation keeps none. */
  readonly secrets: Pick<SecretStore, 'offered'> | null;
  /** Whoever may not list secrets does not learn their names here either. */
  readonly groupRequired: GroupRequired;
}

export function reachRoutes({ repositories, pools, secrets, groupRequired }: ReachPorts): Route[] {
  /** @throws HttpError `not-found`. */
  async function found(
    request: Request,
    { viewer }: RouteContext,
  ): Promise<{
    readonly row: RepositoryRow;
    readonly reach: readonly Reach[];
    /** Those that some run of it may be in. */
    readonly reached: readonly ReachedPool[];
    readonly namesSecrets: boolean;
  }> {
    const named = namedRepository(request);
    const row = named === null ? null : await repositories.find(named);
    if (row === null) throw new HttpError('not-found', 'There is no repository of that name here.');
    const all = (await pools.list()).map(({ pool }) => pool);
    const demand = { noun: 'secret', action: 'list' } as const;
    const namesSecrets = missingGroups(groupRequired, demand, viewer?.groups ?? []) === null;
    const offered = namesSecrets ? ((await secrets?.offered(row)) ?? []) : [];
    const reach = reachOf({ repository: row, pools: all, secrets: offered, now: new Date() });
    const names = new Set(reach.flatMap((one) => one.pools));
    const open = all
      .filter(({ name }) => names.has(name))
      .sort((a, b) => b.trust - a.trust || (a.name < b.name ? -1 : 1));
    const reached = await Promise.all(
      open.map(async (pool) => ({
        pool,
        reaches: poolEgress(pool.isolation, await pools.egress(pool.name)),
      })),
    );
    return { row, reach, reached, namesSecrets };
  }

  return [
    route({
      name: 'show-reach',
      method: 'get',
      path: '/reach/*repository',
      access: 'signed-in',
      summary: 'What a pipeline of a repository can reach.',
      async handle(request, response, context) {
        const { row, reach, reached, namesSecrets } = await found(request, context);
        const frame = await frameOf(request, context);
        sendPage(
          response,
          ReachPage({ frame, repository: row.name, reach, pools: reached, namesSecrets }),
        );
      },
    }),
    route({
      name: 'read-reach',
      method: 'get',
      path: '/api/v1/reach/*repository',
      access: 'signed-in',
      scope: 'read',
      summary: 'What a pipeline of a repository can reach.',
      async handle(request, response, context) {
        const { row, reach, reached, namesSecrets } = await found(request, context);
        response.json({
          repository: row.name,
          // A pool's other grants are not this repository's to tell.
          pools: reached.map(({ pool, reaches }) => ({
            ...{ name: pool.name, trust: pool.trust, isolation: pool.isolation },
            ...{ once: takesOneJob(pool), images: pool.images, egress: pool.egress },
            reaches,
          })),
          namesSecrets,
          runs: reach,
        });
      },
    }),
  ];
}
