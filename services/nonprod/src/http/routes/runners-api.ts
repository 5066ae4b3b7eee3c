/** Runners as JSON: everybody who can sign in may look, the platform role lets in, holds back and takes out. */
import type { Request, Response } from 'express';
import { z } from 'zod';
import { joinToken } from '@airlock/common/wire/runner-enrolment';
import { Name } from '@airlock/common/wire/scalars';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import type { Quarantined } from '../../app/look-after-runners.ts';
import type { SightStore } from '../../app/sight-ports.ts';
import type { RunnerKeeping } from '../../runner-keeping.ts';
import { seenRuns } from '../heed-sight.ts';
import { enrolmentJson, runnerEventJson, runnerJson, runnerRunJson } from '../runner-json.ts';
import {
  answering,
  enrolmentId,
  quarantineWish,
  runnerId,
  RunnerNetworks,
} from './runners-shared.ts';
import { requesterOf } from './shared.ts';

const TokenBody = z.strictObject({
  pool: Name,
  runner: Name.nullable().default(null),
  once: z.boolean().default(false),
  networks: RunnerNetworks.default([]),
});
const QuarantineBody = z.strictObject({
  reason: z.string().trim().min(1).max(200),
  /** Hours back from now, or null: nothing that it built is doubted. */
  sinceHours: z.number().min(0).max(8760).nullable(),
});
const PruneBody = z.strictObject({ days: z.int().min(1).max(365) });

export function runnerApiRoutes(
  fleet: RunnerKeeping,
  sight: Pick<SightStore, 'hiddenFrom'>,
): Route[] {
  const { runners, enrol, lookAfter } = fleet;

  const act = (verb: 'drain' | 'resume' | 'remove', summary: string): Route =>
    route({
      name: `${verb}-runner`,
      method: 'post',
      path: `/api/v1/runners/:id/${verb}`,
      access: 'role:platform',
      summary,
      async handle(request: Request, response: Response, context) {
        const id = runnerId(request);
        await answering(() => lookAfter[verb](id, requesterOf(context).id));
        const found = await runners.find(id);
        response.json(found === null ? { id, state: 'removed' } : runnerJson(found));
      },
    });

  return [
    route({
      name: 'list-runners',
      method: 'get',
      path: '/api/v1/runners',
      access: 'signed-in',
      scope: 'read',
      summary: 'Every runner that is registered.',
      async handle(_request, response) {
        response.json({ runners: (await runners.list()).map(runnerJson) });
      },
    }),
    route({
      name: 'list-runner-enrolments',
      method: 'get',
      path: '/api/v1/runners/enrolments',
      access: 'role:platform',
      summary: 'Machines that showed a token and wait to be accepted.',
      async handle(_request, response) {
        response.json({ enrolments: (await enrol.waiting()).map(enrolmentJson) });
      },
    }),
    route({
      name: 'read-runner',
      method: 'get',
      path: '/api/v1/runners/:id',
      access: 'signed-in',
      scope: 'read',
      summary: 'One runner, what it built last, and what happened to it.',
      async handle(request, response, context) {
        const id = runnerId(request);
        const found = await runners.find(id);
        if (found === null) throw new HttpError('not-found', 'There is no runner of that name.');
        response.json({
          ...runnerJson(found),
          runs: (await seenRuns(sight, context, await runners.runs(id, 50))).map(runnerRunJson),
          events: (await runners.events(id, 50)).map(runnerEventJson),
        });
      },
    }),
    route({
      name: 'make-runner-token',
      method: 'post',
      path: '/api/v1/runners/tokens',
      access: 'role:platform',
      summary: 'Making a token by which one machine becomes a runner',
      body: TokenBody,
      async handle(_request, response, context, { pool, runner, once, networks }) {
        const wish = { pool, runner, networks, kind: once ? 'once' : 'lasting' } as const;
        const made = await answering(() => enrol.token(wish, requesterOf(context).id));
        response.status(201).json({
          token: joinToken.format(made.secret, fleet.join.serverKey),
          url: fleet.join.url,
          runner: made.runner,
          pool,
          kind: made.kind,
          networks,
          expiresAt: made.expiresAt.toISOString(),
        });
      },
    }),
    route({
      name: 'accept-runner',
      method: 'post',
      path: '/api/v1/runners/enrolments/:id/accept',
      access: 'role:platform',
      summary: 'Accepting the key of a machine',
      async handle(request, response, context) {
        const id = enrolmentId(request);
        const { runner, pool } = await answering(() => enrol.accept(id, requesterOf(context).id));
        response.json({ id, runner, pool, state: 'accepted' });
      },
    }),
    route({
      name: 'refuse-runner',
      method: 'post',
      path: '/api/v1/runners/enrolments/:id/refuse',
      access: 'role:platform',
      summary: 'Refusing the key of a machine',
      async handle(request, response, context) {
        const id = enrolmentId(request);
        await answering(() => enrol.refuse(id, requesterOf(context).id));
        response.json({ id, state: 'refused' });
      },
    }),
    act('drain', 'Giving a runner no more jobs'),
    act('resume', 'Giving a runner jobs again'),
    act('remove', 'Taking a runner out of the registry'),
    route({
      name: 'quarantine-runner',
      method: 'post',
      path: '/api/v1/runners/:id/quarantine',
      access: 'role:platform',
      summary: 'Cutting a runner off and doubting what it built',
      body: QuarantineBody,
      async handle(request, response, context, body) {
        const id = runnerId(request);
        const wish = quarantineWish(body, new Date());
        const done: Quarantined = await answering(() =>
          lookAfter.quarantine(id, wish, requesterOf(context).id),
        );
        const tainted = (await runners.runs(id, 200)).filter((run) => run.tainted);
        response.json({ id, state: 'quarantined', ...done, tainted: tainted.map(runnerRunJson) });
      },
    }),
    route({
      name: 'prune-runners',
      method: 'post',
      path: '/api/v1/runners/prune',
      access: 'role:platform',
      summary: 'Disabling runners that were not seen for long',
      body: PruneBody,
      async handle(_request, response, context, { days }) {
        response.json({ disabled: await lookAfter.prune(days, requesterOf(context).id) });
      },
    }),
  ];
}
