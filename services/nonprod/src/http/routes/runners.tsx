/** The pages of runners: who executes, who waits to, and what is done with one that is not trusted any more. */
import { z } from 'zod';
import { joinToken } from '@airlock/common/wire/runner-enrolment';
import { Name } from '@airlock/common/wire/scalars';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { PoolStore } from '../../app/pool-ports.ts';
import type { SightStore } from '../../app/sight-ports.ts';
import type { RunnerKeeping } from '../../runner-keeping.ts';
import { seenRuns } from '../heed-sight.ts';
import { RunnerListPage } from '../views/runner-list.tsx';
import { RunnerNewPage, type MadeToken } from '../views/runner-new.tsx';
import { RunnerPage } from '../views/runner-page.tsx';
import {
  answering,
  enrolmentId,
  quarantineWish,
  runnerId,
  RunnerNetworks,
} from './runners-shared.ts';
import { requesterOf } from './shared.ts';

const TokenForm = z.strictObject({
  pool: Name,
  runner: z.union([z.literal('').transform(() => null), Name]),
  once: z.literal('on').optional(),
  networks: z
    .string()
    .default('')
    .transform((text) => text.split(/\s+/).filter((line) => line !== ''))
    .pipe(RunnerNetworks),
});
const DecisionForm = z.strictObject({ decision: z.enum(['accept', 'refuse']) });
const JobsForm = z.strictObject({ jobs: z.enum(['drain', 'resume']) });
const QuarantineForm = z.strictObject({
  reason: z.string().trim().min(1).max(200),
  since: z.enum(['24', '48', '168', '8760', 'none']),
});
const RemoveForm = z.strictObject({ name: z.string().max(200) });
const shown = 50;

export function runnerPageRoutes(
  fleet: RunnerKeeping,
  pools: Pick<PoolStore, 'list'>,
  sight: Pick<SightStore, 'hiddenFrom'>,
): Route[] {
  const { runners, enrol, lookAfter } = fleet;
  const newPage = async (made: MadeToken | null) => ({
    made,
    pools: (await pools.list()).map(({ pool }) => pool.name),
    waiting: await enrol.waiting(),
    now: new Date(),
  });

  return [
    route({
      name: 'show-runners',
      method: 'get',
      path: '/runners',
      access: 'signed-in',
      summary: 'Every runner that is registered.',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        const given = { runners: await runners.list(), waiting: await enrol.waiting() };
        sendPage(response, RunnerListPage({ frame, ...given, now: new Date() }));
      },
    }),
    route({
      name: 'show-new-runner',
      method: 'get',
      path: '/runners/new',
      access: 'signed-in',
      summary: 'How a runner is added, and who waits.',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        sendPage(response, RunnerNewPage({ frame, ...(await newPage(null)) }));
      },
    }),
    route({
      name: 'make-runner-token-by-form',
      method: 'post',
      path: '/runners/new',
      access: 'role:platform',
      summary: 'Making a token by which one machine becomes a runner',
      body: TokenForm,
      async handle(request, response, context, { pool, runner, once, networks }) {
        const kind = once === undefined ? 'lasting' : 'once';
        const token = await answering(() =>
          enrol.token({ pool, runner, kind, networks }, requesterOf(context).id),
        );
        const made = {
          token: joinToken.format(token.secret, fleet.join.serverKey),
          url: fleet.join.url,
          ...{ runner: token.runner, pool },
        };
        const frame = await frameOf(request, context);
        // Shown in the answer itself: an address would carry the token into histories and logs.
        response.setHeader('cache-control', 'no-store');
        sendPage(response, RunnerNewPage({ frame, ...(await newPage(made)) }));
      },
    }),
    route({
      name: 'decide-runner-enrolment-by-form',
      method: 'post',
      path: '/runners/enrolments/:id',
      access: 'role:platform',
      summary: 'Accepting or refusing the key of a machine',
      body: DecisionForm,
      async handle(request, response, context, { decision }) {
        const id = enrolmentId(request);
        const person = requesterOf(context).id;
        if (decision === 'refuse') {
          await answering(() => enrol.refuse(id, person));
          response.redirect(303, '/runners/new');
          return;
        }
        const { runner } = await answering(() => enrol.accept(id, person));
        response.redirect(303, `/runners/${runner}`);
      },
    }),
    route({
      name: 'show-runner',
      method: 'get',
      path: '/runners/:id',
      access: 'signed-in',
      summary: 'One runner, what it built last, and what happened to it.',
      async handle(request, response, context) {
        const id = runnerId(request);
        const runner = await runners.find(id);
        if (runner === null) throw new HttpError('not-found', 'There is no runner of that name.');
        const frame = await frameOf(request, context);
        const given = {
          runs: await seenRuns(sight, context, await runners.runs(id, shown)),
          events: await runners.events(id, shown),
        };
        sendPage(response, RunnerPage({ frame, runner, ...given, now: new Date() }));
      },
    }),
    route({
      name: 'drain-runner-by-form',
      method: 'post',
      path: '/runners/:id/jobs',
      access: 'role:platform',
      summary: 'Giving a runner no more jobs, or jobs again',
      body: JobsForm,
      async handle(request, response, context, { jobs }) {
        const id = runnerId(request);
        await answering(() => lookAfter[jobs](id, requesterOf(context).id));
        response.redirect(303, `/runners/${id}`);
      },
    }),
    route({
      name: 'quarantine-runner-by-form',
      method: 'post',
      path: '/runners/:id/quarantine',
      access: 'role:platform',
      summary: 'Cutting a runner off and doubting what it built',
      body: QuarantineForm,
      async handle(request, response, context, { reason, since }) {
        const id = runnerId(request);
        const sinceHours = since === 'none' ? null : Number(since);
        const wish = quarantineWish({ reason, sinceHours }, new Date());
        await answering(() => lookAfter.quarantine(id, wish, requesterOf(context).id));
        response.redirect(303, `/runners/${id}`);
      },
    }),
    route({
      name: 'remove-runner-by-form',
      method: 'post',
      path: '/runners/:id/remove',
      access: 'role:platform',
      summary: 'Taking a runner out of the registry',
      body: RemoveForm,
      async handle(request, response, context, { name }) {
        const id = runnerId(request);
        if (name !== id) throw new HttpError('refused', `Nothing was done: that is not ${id}.`);
        await answering(() => lookAfter.remove(id, requesterOf(context).id));
        response.redirect(303, '/runners');
      },
    }),
  ];
}
