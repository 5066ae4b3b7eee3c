import { openEventStream } from '@airlock/web/sse';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { SightStore } from '../../app/sight-ports.ts';
import type { AskAnswer, PromotionWish } from '../../app/ask-promotion.ts';
import type { PageQueries, PromotionSummary, RunDetails } from '../../app/page-queries.ts';
import { mayChange } from '../../domain/run-life.ts';
import { hiddenFrom } from '../heed-sight.ts';
import { shownLog } from '../shown-log.ts';
import { CandidateListPage } from '../views/candidate-list.tsx';
import { CandidatePage } from '../views/candidate-page.tsx';
import { PromotionListPage, PromotionPage } from '../views/promotion-page.tsx';
import { RunListPage } from '../views/run-list.tsx';
import { RunPage } from '../views/run-page.tsx';
import { AskBody } from './api.ts';
import type { ReleasePorts } from './releases.ts';
import { streamChanges } from './live.ts';
import type { LogPagePorts } from './logs.ts';
import { pathId, requesterOf } from './shared.ts';

const listLength = 100;

export interface PagePorts extends LogPagePorts {
  readonly queries: PageQueries;
  readonly sight: Pick<SightStore, 'hiddenFrom'>;
  readonly mainBranch: string;
  askPromotion(wish: PromotionWish): Promise<AskAnswer>;
  readonly releases: Pick<ReleasePorts, 'describeTrust'>;
}

export function pageRoutes(ports: PagePorts): Route[] {
  return [...runPages(ports), ...candidatePages(ports), ...promotionPages(ports)];
}

/** Everything of a run that its page shows and that may change. */
const runFingerprint = (run: RunDetails): string =>
  [
    run.state,
    run.signing,
    run.mark ?? '',
    run.cancelledBy === null ? '' : 'cancelled',
    ...run.retries.map(({ id, number, refused }) => `${id} ${number ?? refused ?? ''}`),
    ...run.jobs.flatMap(({ state, attempt, steps }) => [
      state,
      attempt,
      ...steps.map((step) => step.state),
    ]),
  ].join(' ');

const promotionFingerprint = ({ state, status }: PromotionSummary): string =>
  [state, status?.state ?? '', status?.at.getTime() ?? ''].join(' ');

function runPages(ports: PagePorts): Route[] {
  const { queries, sight } = ports;
  const find = async (id: string): Promise<RunDetails> => {
    const run = await queries.run(id);
    if (run === null) throw new HttpError('not-found', 'There is no run of that id.');
    return run;
  };
  return [
    route({
      name: 'show-runs',
      method: 'get',
      path: '/',
      access: 'signed-in',
      summary: 'The newest runs.',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        const runs = await queries.runs(listLength, { hidden: await hiddenFrom(sight, context) });
        sendPage(response, RunListPage({ frame, runs, now: new Date() }));
      },
    }),
    route({
      name: 'follow-runs',
      method: 'get',
      path: '/events',
      access: 'signed-in',
      summary: 'Says when the list of runs changes.',
      async handle(request, response, context) {
        await streamChanges(openEventStream(request, response), null, async () => {
          const hidden = await hiddenFrom(sight, context);
          const runs = await queries.runs(listLength, { hidden });
          return {
            seen: runs.map(({ id, state, mark }) => `${id} ${state} ${mark ?? ''}`).join(),
            ended: false,
          };
        });
      },
    }),
    route({
      name: 'show-run',
      method: 'get',
      path: '/runs/:id',
      access: 'signed-in',
      summary: 'One run with its steps and its log.',
      async handle(request, response, context) {
        const run = await find(pathId(request, 'run'));
        const shown = await shownLog(ports.logs, run, request.query);
        const frame = await frameOf(request, context);
        const seen = runFingerprint(run);
        const trust = await ports.releases.describeTrust(run.id);
        sendPage(response, RunPage({ frame, run, shown, trust, now: new Date(), seen }));
      },
    }),
    route({
      name: 'follow-run',
      method: 'get',
      path: '/runs/:id/events',
      access: 'signed-in',
      summary: 'Says when a run changes.',
      async handle(request, response) {
        const { id } = await find(pathId(request, 'run'));
        await streamChanges(openEventStream(request, response), request.query['seen'], async () => {
          const run = await find(id);
          return { seen: runFingerprint(run), ended: !mayChange(run) };
        });
      },
    }),
  ];
}

function candidatePages(ports: PagePorts): Route[] {
  const { queries, sight } = ports;
  return [
    route({
      name: 'show-candidates',
      method: 'get',
      path: '/candidates',
      access: 'signed-in',
      summary: 'The newest signed builds of main.',
      async handle(request, response, context) {
        const hidden = await hiddenFrom(sight, context);
        const candidates = await queries.candidates(listLength, hidden);
        const lastMainRun =
          candidates.length === 0 ? await queries.lastMainRun(ports.mainBranch, hidden) : null;
        const frame = await frameOf(request, context);
        sendPage(response, CandidateListPage({ frame, candidates, lastMainRun, now: new Date() }));
      },
    }),
    route({
      name: 'follow-candidates',
      method: 'get',
      path: '/candidates/events',
      access: 'signed-in',
      summary: 'Says when there is a new candidate.',
      async handle(request, response, context) {
        await streamChanges(openEventStream(request, response), null, async () => {
          const [newest] = await queries.candidates(1, await hiddenFrom(sight, context));
          return { seen: newest?.id ?? '', ended: false };
        });
      },
    }),
    route({
      name: 'show-candidate',
      method: 'get',
      path: '/candidates/:id',
      access: 'signed-in',
      summary: 'One signed build, and what was asked for it.',
      async handle(request, response, context) {
        const candidate = await queries.candidate(pathId(request, 'cand'));
        if (candidate === null) {
          throw new HttpError('not-found', 'There is no candidate of that id.');
        }
        const frame = await frameOf(request, context);
        const reason = candidate.subject;
        sendPage(
          response,
          CandidatePage({ frame, candidate, refusals: [], reason, now: new Date() }),
        );
      },
    }),
    route({
      name: 'ask-promotion-by-form',
      method: 'post',
      path: '/candidates/:id/promotions',
      access: 'role:developer',
      summary: 'Asking for promotion',
      body: AskBody,
      async handle(request, response, context, { target, reason }) {
        const id = pathId(request, 'cand');
        const requester = requesterOf(context);
        const answer = await ports.askPromotion({ candidateId: id, target, reason, requester });
        if (answer.kind === 'asked') {
          response.redirect(303, `/promotions/${answer.id}`);
          return;
        }
        const candidate = answer.kind === 'refused' ? await queries.candidate(id) : null;
        if (answer.kind !== 'refused' || candidate === null) {
          throw new HttpError('not-found', 'There is no candidate of that id.');
        }
        const frame = await frameOf(request, context);
        const refusals = answer.reasons;
        sendPage(
          response,
          CandidatePage({ frame, candidate, refusals, reason, now: new Date() }),
          409,
        );
      },
    }),
  ];
}

function promotionPages({ queries, sight }: PagePorts): Route[] {
  const find = async (id: string): Promise<PromotionSummary> => {
    const promotion = await queries.promotion(id);
    if (promotion === null) throw new HttpError('not-found', 'There is no request of that id.');
    return promotion;
  };
  return [
    route({
      name: 'show-promotions',
      method: 'get',
      path: '/promotions',
      access: 'signed-in',
      summary: 'What was asked for.',
      async handle(request, response, context) {
        const hidden = await hiddenFrom(sight, context);
        const promotions = await queries.promotions(listLength, hidden);
        const person = requesterOf(context).id;
        const mine = promotions.filter(({ requesterId }) => requesterId === person);
        const frame = await frameOf(request, context);
        sendPage(response, PromotionListPage({ frame, mine, promotions, now: new Date() }));
      },
    }),
    route({
      name: 'follow-promotions',
      method: 'get',
      path: '/promotions/events',
      access: 'signed-in',
      summary: 'Says when a request changes.',
      async handle(request, response, context) {
        await streamChanges(openEventStream(request, response), null, async () => {
          const hidden = await hiddenFrom(sight, context);
          const promotions = await queries.promotions(listLength, hidden);
          return { seen: promotions.map(promotionFingerprint).join(), ended: false };
        });
      },
    }),
    route({
      name: 'show-promotion',
      method: 'get',
      path: '/promotions/:id',
      access: 'signed-in',
      summary: 'One request, and what the gate reported of it.',
      async handle(request, response, context) {
        const promotion = await find(pathId(request, 'prq'));
        const gateSeenAt = await queries.gateSeenAt();
        const frame = await frameOf(request, context);
        const seen = promotionFingerprint(promotion);
        sendPage(response, PromotionPage({ frame, promotion, gateSeenAt, now: new Date(), seen }));
      },
    }),
    route({
      name: 'follow-promotion',
      method: 'get',
      path: '/promotions/:id/events',
      access: 'signed-in',
      summary: 'Says when a request changes.',
      async handle(request, response) {
        const { id } = await find(pathId(request, 'prq'));
        await streamChanges(
          openEventStream(request, response),
          request.query['seen'],
          async () => ({
            seen: promotionFingerprint(await find(id)),
            ended: false,
          }),
        );
      },
    }),
  ];
}
