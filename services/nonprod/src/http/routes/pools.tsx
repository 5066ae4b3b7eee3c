/** Pools: everybody sees who may run what where, the platform role changes it. */
import { Name } from '@airlock/common/wire/scalars';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import type { createSavePool, SavePoolAnswer } from '../../app/manage-pools.ts';
import type { PoolRow, PoolStore } from '../../app/pool-ports.ts';
import { poolEgress } from '../../domain/pool-egress.ts';
import { poolWarnings, type Pool } from '../../domain/pool.ts';
import type { SightStore } from '../../app/sight-ports.ts';
import { hiddenFrom } from '../heed-sight.ts';
import { NewPoolForm, PoolBody, poolFrom, PoolForm } from '../pool-form.ts';
import { PoolListPage } from '../views/pool-list.tsx';
import { PoolPage } from '../views/pool-page.tsx';
import { requesterOf } from './shared.ts';

export interface PoolPorts {
  readonly pools: PoolStore;
  readonly savePool: ReturnType<typeof createSavePool>;
}

export function poolRoutes({
  pools,
  savePool,
  sight,
}: PoolPorts & { readonly sight: Pick<SightStore, 'hiddenFrom'> }): Route[] {
  /** A grant names its repository, which those who do not see that are not told. */
  const shown = async (context: RouteContext, row: PoolRow): Promise<PoolRow> => {
    const hidden = await hiddenFrom(sight, context);
    return { ...row, pool: withoutHidden(row.pool, hidden) };
  };
  const list = async (context: RouteContext): Promise<PoolRow[]> =>
    await Promise.all((await pools.list()).map((row) => shown(context, row)));
  const find = async (request: Request, context: RouteContext): Promise<PoolRow> => {
    const row = await pools.find(pathName(request));
    if (row === null) throw new HttpError('not-found', 'There is no pool of that name.');
    return await shown(context, row);
  };
  const details = async (row: PoolRow, context: RouteContext) => {
    const hidden = await hiddenFrom(sight, context);
    const changes = await pools.changes(row.pool.name);
    return {
      row,
      changes: changes.map((each) => ({ ...each, pool: withoutHidden(each.pool, hidden) })),
      load: await pools.load(row.pool.name),
      reaches: poolEgress(row.pool.isolation, await pools.egress(row.pool.name)),
      now: new Date(),
    };
  };

  return [
    route({
      name: 'show-pools',
      method: 'get',
      path: '/pools',
      access: 'signed-in',
      summary: 'Pools of runners by trust.',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        sendPage(response, PoolListPage({ frame, pools: await list(context), problems: [] }));
      },
    }),
    route({
      name: 'show-pool',
      method: 'get',
      path: '/pools/:name',
      access: 'signed-in',
      summary: 'One pool: what it executes for whom.',
      async handle(request, response, context) {
        const shown = await details(await find(request, context), context);
        const frame = await frameOf(request, context);
        sendPage(response, PoolPage({ frame, ...shown, problems: [] }));
      },
    }),
    route({
      name: 'make-pool-by-form',
      method: 'post',
      path: '/pools',
      access: 'role:platform',
      summary: 'Making a pool',
      body: NewPoolForm,
      async handle(request, response, context, { name, ...body }) {
        const answer = await savePool(poolFrom(name, body), 0, requesterOf(context).id);
        if (answer.kind === 'saved') {
          response.redirect(303, `/pools/${name}`);
          return;
        }
        const problems =
          answer.kind === 'refused' ? problemsOf(answer) : [`There is a pool ${name} already.`];
        const frame = await frameOf(request, context);
        sendPage(response, PoolListPage({ frame, pools: await list(context), problems }), 409);
      },
    }),
    route({
      name: 'change-pool-by-form',
      method: 'post',
      path: '/pools/:name',
      access: 'role:platform',
      summary: 'Changing a pool',
      body: PoolForm,
      async handle(request, response, context, body) {
        const row = await find(request, context);
        const { name } = row.pool;
        const answer = await savePool(poolFrom(name, body), body.version, requesterOf(context).id);
        if (answer.kind === 'saved') {
          response.redirect(303, `/pools/${name}`);
          return;
        }
        const problems = answer.kind === 'refused' ? problemsOf(answer) : [changedMeanwhile];
        const frame = await frameOf(request, context);
        sendPage(response, PoolPage({ frame, ...(await details(row, context)), problems }), 409);
      },
    }),
    route({
      name: 'list-pools',
      method: 'get',
      path: '/api/v1/pools',
      access: 'signed-in',
      scope: 'read',
      summary: 'Pools of runners by trust.',
      async handle(_request, response, context) {
        response.json({ pools: (await list(context)).map(poolJson) });
      },
    }),
    route({
      name: 'read-pool',
      method: 'get',
      path: '/api/v1/pools/:name',
      access: 'signed-in',
      scope: 'read',
      summary: 'One pool: what it executes for whom.',
      async handle(request, response, context) {
        const { row, load, reaches } = await details(await find(request, context), context);
        response.json({ ...poolJson(row), ...load, reaches });
      },
    }),
    route({
      name: 'save-pool',
      method: 'put',
      path: '/api/v1/pools/:name',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Making or changing a pool',
      body: PoolBody,
      async handle(request, response, context, body) {
        const name = pathName(request);
        const answer = await savePool(poolFrom(name, body), body.version, requesterOf(context).id);
        if (answer.kind === 'changed') throw new HttpError('changed-meanwhile', changedMeanwhile);
        if (answer.kind === 'refused') {
          throw new HttpError('setting-refused', problemsOf(answer).join(' '), {
            codes: answer.faults.map(({ field }) => field),
          });
        }
        response.json({ name, version: answer.version });
      },
    }),
  ];
}

function withoutHidden(pool: Pool, hidden: readonly string[]): Pool {
  return { ...pool, repositories: pool.repositories.filter((name) => !hidden.includes(name)) };
}

const changedMeanwhile =
  'This pool was changed by somebody else since; look at what it is now, and change that.';

function problemsOf({ faults }: Extract<SavePoolAnswer, { kind: 'refused' }>): string[] {
  return faults.map(({ field, message }) => `${field}: ${message}.`);
}

function poolJson({ pool, version, changedAt }: PoolRow) {
  return {
    name: pool.name,
    trust: pool.trust,
    isolation: pool.isolation,
    once: pool.once,
    reuse: pool.reuse,
    images: pool.images,
    labels: pool.labels,
    everyone: pool.everyone,
    repositories: pool.repositories,
    concurrency: pool.concurrency,
    egress: pool.egress,
    warnings: poolWarnings(pool),
    version,
    changedAt: changedAt.toISOString(),
  };
}

/** What is no name of a pool names nothing. */
function pathName(request: Request): string {
  const name = Name.safeParse(request.params['name']);
  if (name.success) return name.data;
  throw new HttpError('not-found', 'There is no pool of that name.');
}
