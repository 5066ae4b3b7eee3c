/** What a pipeline of a repository can reach, for people and for programs. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import { z } from 'zod';
import type { PoolStore } from '../../app/pool-ports.ts';
import type { SecretStore } from '../../app/secret-ports.ts';
import type { RepositoryRow, RepositoryStore } from '../../app/source-ports.ts';
import type { Pool } from '../../domain/pool.ts';
import { reachOf, type Reach } from '../../domain/reach.ts';
import { RepositoryName } from '../../domain/repository-address.ts';
import { ReachPage } from '../views/reach-page.tsx';

const Asked = z.object({ repository: RepositoryName });

interface ReachPorts {
  readonly repositories: Pick<RepositoryStore, 'find'>;
  readonly pools: Pick<PoolStore, 'list'>;
  /** Null: this installation keeps none. */
  readonly secrets: Pick<SecretStore, 'list'> | null;
}

export function reachRoutes({ repositories, pools, secrets }: ReachPorts): Route[] {
  /** @throws HttpError `request-malformed`, `not-found`. */
  async function found(request: Request): Promise<{
    readonly row: RepositoryRow;
    readonly reach: readonly Reach[];
    /** Those that some run of it may be in. */
    readonly reached: readonly Pool[];
  }> {
    const asked = Asked.safeParse(request.query);
    if (!asked.success) {
      throw new HttpError('request-malformed', 'Name a repository: ?repository=shop/web');
    }
    const row = await repositories.find(asked.data.repository);
    if (row === null) throw new HttpError('not-found', 'There is no repository of that name here.');
    const all = (await pools.list()).map(({ pool }) => pool);
    const kept = ((await secrets?.list(row.name)) ?? []).filter(({ erased }) => erased === null);
    const reach = reachOf({ repository: row, pools: all, secrets: kept, now: new Date() });
    const names = new Set(reach.flatMap((one) => one.pools));
    const reached = all
      .filter(({ name }) => names.has(name))
      .sort((a, b) => b.trust - a.trust || (a.name < b.name ? -1 : 1));
    return { row, reach, reached };
  }

  return [
    route({
      name: 'show-reach',
      method: 'get',
      path: '/reach',
      access: 'signed-in',
      summary: 'What a pipeline of a repository can reach.',
      async handle(request, response, context) {
        const { row, reach, reached } = await found(request);
        const frame = await frameOf(request, context);
        sendPage(response, ReachPage({ frame, repository: row.name, reach, pools: reached }));
      },
    }),
    route({
      name: 'read-reach',
      method: 'get',
      path: '/api/v1/reach',
      access: 'signed-in',
      scope: 'read',
      summary: 'What a pipeline of a repository can reach.',
      async handle(request, response) {
        const { row, reach, reached } = await found(request);
        response.json({
          repository: row.name,
          // A pool's other grants are not this repository's to tell.
          pools: reached.map(({ name, trust, isolation, once, images, egress }) => ({
            ...{ name, trust, isolation, once, images, egress },
          })),
          runs: reach,
        });
      },
    }),
  ];
}
