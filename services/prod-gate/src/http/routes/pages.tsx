/** Pages for people. Each has a JSON twin or is made of things that have one. */
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { openEventStream } from '@airlock/web/sse';
import { z } from 'zod';
import type { Decisions } from '../../app/approve-promotion.ts';
import { checksOf } from '../../app/checks.ts';
import type { Delivery, DeliveryStore } from '../../app/delivery-ports.ts';
import type { LedgerReader } from '../../app/ledger-ports.ts';
import { ledgerFacts } from '../../app/fact-sources.ts';
import type { PasskeyStore } from '../../app/passkey-ports.ts';
import type { PromotionStore } from '../../app/promotion-ports.ts';
import type { PromotionQueries } from '../../app/query-ports.ts';
import type { VaultSession, VaultSessionStore } from '../../app/vault-session-ports.ts';
import type { LedgerProofs } from '../../app/prove-entry.ts';
import {
  viewPromotion,
  viewPromotionDetails,
  type PromotionView,
} from '../../app/view-promotion.ts';
import { viewQueue, type QueueSources, type QueueView } from '../../app/view-queue.ts';
import { ledgerFreeze } from '../../domain/ledger-freeze.ts';
import { contractCode } from '../../domain/verdict.ts';
import type { Promotion } from '../../domain/promotion.ts';
import type { KnownStop } from '../../domain/stop.ts';
import { decidingRoles } from '../../domain/access.ts';
import { personByNameId } from '../../domain/roster.ts';
import { sightingOf } from '../../domain/sighting.ts';
import { streamChanges, streamLog } from '../live.ts';
import type { ShadowStore } from '../../app/shadow-ports.ts';
import { stopsOnPages } from '../../app/watch-stops.ts';
import { queueFilterOf } from '../queue-filter.ts';
import { nothing, pathId, viewerOf } from '../shared.ts';
import { DeliveryPage } from '../views/delivery-page.tsx';
import { LeasePage } from '../views/lease-page.tsx';
import { LedgerPage } from '../views/ledger-page.tsx';
import { MePage, type ShownSession } from '../views/me-page.tsx';
import { PromotionPage } from '../views/promotion-page.tsx';
import { QueuePage } from '../views/queue-page.tsx';
import type { LiveTouched } from '../../app/view-blast-radius.ts';
import { TargetListPage, TargetPage } from '../views/target-page.tsx';
import { plain } from '../views/words.ts';
import { PersonsText } from './api.ts';
import { listedShadows } from './shadow.ts';

export interface PagePorts {
  readonly origin: string;
  readonly nonprodOrigin: string | null;
  readonly views: QueueSources;
  readonly queries: PromotionQueries;
  readonly promotions: Pick<PromotionStore, 'find'>;
  readonly deliveries: Pick<DeliveryStore, 'find' | 'log'>;
  readonly sessions: Pick<VaultSessionStore, 'ofDelivery' | 'uncleanOn'>;
  readonly passkeys: Pick<PasskeyStore, 'ofPerson'>;
  readonly shadows: Pick<ShadowStore, 'onTarget'>;
  readonly ledger: LedgerReader;
  readonly proofs: LedgerProofs;
  readonly decisions: Pick<Decisions, 'reject'>;
  /** What is live and rests on what is in quarantine. */
  readonly stopping: {
    liveTouched(): Promise<readonly LiveTouched[]>;
    /** What holds or ends this delivery, or held it when it ended. */
    onDelivery(delivery: Delivery, promotion: Promotion): Promise<readonly KnownStop[]>;
  };
  readonly webSessions: {
    ofPerson(nameId: string): Promise<readonly ShownSession[]>;
    endAll(nameId: string): Promise<void>;
  };
  readonly now: () => Date;
}

const listedDeliveries = 50;
const listedEntries = 50;
const listedLeases = 100;
const shownLines = 2000;
const linesAtOnce = 1000;

export function pageRoutes(ports: PagePorts): Route[] {
  return [
    ...queuePages(ports),
    ...promotionPages(ports),
    ...deliveryPages(ports),
    ...targetPages(ports),
    ...recordPages(ports),
    ...mePages(ports),
  ];
}

const promotionSeen = ({ promotion, verdict, facts, delivery, decisions }: PromotionView): string =>
  [
    promotion.id,
    promotion.version,
    promotion.state,
    facts.approvals.have,
    decisions.length,
    delivery?.state ?? '',
    ...(verdict.allowed ? [] : verdict.reasons.map(contractCode)),
  ].join('.');

const queueSeen = (queue: QueueView): string =>
  [
    ...[...queue.needsYou, ...queue.inProgress, ...queue.waitingForOthers].map(promotionSeen),
    ...queue.live.map(({ promotionId, sighting }) => `${promotionId}.${sighting.kind}`),
    ...queue.ended.map(({ id }) => id),
    queue.refused[0]?.requestId ?? '',
    queue.freezes.length,
    ...queue.held.map(({ id, attempts }) => `${id}.${attempts}`),
  ].join('-');

const deliverySeen = (delivery: Delivery, session: VaultSession | null): string =>
  [
    delivery.state,
    delivery.step,
    delivery.fence,
    session?.state ?? '',
    session?.attempts ?? 0,
  ].join('.');

function queuePages({ views, nonprodOrigin, now }: PagePorts): Route[] {
  const look = (nameId: string): Promise<QueueView> => viewQueue(views, { nameId, now: now() });
  const inForce = stopsOnPages({ stops: views.stops, ledger: views.proofs.facts, now });
  return [
    route({
      name: 'show-first-page',
      method: 'get',
      path: '/',
      access: 'signed-in',
      summary: 'The queue.',
      handle(_request, response) {
        response.redirect(303, '/queue');
      },
    }),
    route({
      name: 'show-queue',
      method: 'get',
      path: '/queue',
      access: 'signed-in',
      summary: 'What waits, what runs, what is live; of one target or with some words.',
      async handle(request, response, context) {
        const filter = queueFilterOf(request.query);
        const queue = await look(viewerOf(context).nameId);
        const frame = await frameOf(request, context);
        sendPage(
          response,
          QueuePage({
            frame,
            queue,
            filter,
            stops: await inForce(),
            nonprodOrigin,
            now: now(),
            seen: queueSeen(queue),
          }),
        );
      },
    }),
    route({
      name: 'follow-queue',
      method: 'get',
      path: '/queue/events',
      access: 'signed-in',
      summary: 'Says when the queue changes.',
      async handle(request, response, context) {
        const { nameId } = viewerOf(context);
        await streamChanges(
          openEventStream(request, response),
          request.query['seen'],
          async () => ({
            seen: queueSeen(await look(nameId)),
            ended: false,
          }),
        );
      },
    }),
  ];
}

const RejectBody = z.strictObject({
  reason: PersonsText(500),
  version: z.coerce.number().int().nonnegative(),
});

function promotionPages({ views, passkeys, decisions, now }: PagePorts): Route[] {
  return [
    route({
      name: 'show-promotion',
      method: 'get',
      path: '/promotions/:id',
      access: 'signed-in',
      summary: 'Why a promotion may or may not pass, what it changes, and the decision.',
      async handle(request, response, context) {
        const { nameId, id } = viewerOf(context);
        const promotionId = pathId(request, 'prm');
        const view = await viewPromotionDetails(views, { promotionId, nameId, now: now() });
        if (view === null) throw nothing('promotion');
        const mine = await passkeys.ofPerson(id);
        const page = {
          frame: await frameOf(request, context),
          view,
          checks: checksOf(view),
          hasPasskey: mine.some(({ revokedAt }) => revokedAt === null),
          now: now(),
          seen: `${promotionSeen(view)}.${view.remarks.length}`,
        };
        sendPage(response, PromotionPage(page));
      },
    }),
    route({
      name: 'follow-promotion',
      method: 'get',
      path: '/promotions/:id/events',
      access: 'signed-in',
      summary: 'Says when a promotion changes.',
      async handle(request, response, context) {
        const { nameId } = viewerOf(context);
        const promotionId = pathId(request, 'prm');
        const look = async (): Promise<PromotionView> => {
          const view = await viewPromotion(views, { promotionId, nameId, now: now() });
          if (view === null) throw nothing('promotion');
          return view;
        };
        await look();
        await streamChanges(openEventStream(request, response), request.query['seen'], async () => {
          const [view, remarks] = await Promise.all([look(), views.remarks.of(promotionId)]);
          const { state } = view.promotion;
          return {
            seen: `${promotionSeen(view)}.${remarks.length}`,
            ended: state !== 'waiting' && state !== 'delivering',
          };
        });
      },
    }),
    route({
      name: 'reject-promotion',
      method: 'post',
      path: '/promotions/:id/reject',
      access: 'signed-in',
      summary: 'Rejecting',
      body: RejectBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        await decisions.reject(viewerOf(context).nameId, id, body);
        response.redirect(303, `/promotions/${id}`);
      },
    }),
  ];
}

function deliveryPages({ promotions, deliveries, sessions, stopping, now }: PagePorts): Route[] {
  const find = async (id: string): Promise<Delivery> => {
    const delivery = await deliveries.find(id);
    if (delivery === null) throw nothing('delivery');
    return delivery;
  };
  const look = async (id: string) => {
    const [delivery, session] = await Promise.all([find(id), sessions.ofDelivery(id)]);
    return { delivery, session, seen: deliverySeen(delivery, session) };
  };
  return [
    route({
      name: 'show-delivery',
      method: 'get',
      path: '/deliveries/:id',
      access: 'signed-in',
      summary: 'A delivery with its steps, its credential and the log of its hook.',
      async handle(request, response, context) {
        const id = pathId(request, 'dlv');
        const { delivery, session, seen } = await look(id);
        const [promotion, log, frame] = await Promise.all([
          promotions.find(delivery.promotionId),
          deliveries.log(id, { after: 0, limit: shownLines }),
          frameOf(request, context),
        ]);
        if (promotion === null) throw nothing('promotion');
        const stops = await stopping.onDelivery(delivery, promotion);
        sendPage(
          response,
          DeliveryPage({ frame, delivery, promotion, session, stops, log, now: now(), seen }),
        );
      },
    }),
    route({
      name: 'follow-delivery',
      method: 'get',
      path: '/deliveries/:id/events',
      access: 'signed-in',
      summary: 'Says when a delivery changes.',
      async handle(request, response) {
        const { id } = await find(pathId(request, 'dlv'));
        await streamChanges(openEventStream(request, response), request.query['seen'], async () => {
          const { delivery, session, seen } = await look(id);
          const ended =
            delivery.state !== 'running' && (session === null || session.state === 'CLEAN');
          return { seen, ended };
        });
      },
    }),
    route({
      name: 'follow-log',
      method: 'get',
      path: '/deliveries/:id/lines',
      access: 'signed-in',
      summary: 'The lines of a hook as they come.',
      async handle(request, response) {
        const { id } = await find(pathId(request, 'dlv'));
        await streamLog(
          openEventStream(request, response),
          request.query['after'],
          (after, limit) => deliveries.log(id, { after, limit }),
          async () => (await find(id)).state !== 'running',
        );
      },
    }),
    route({
      name: 'read-log',
      method: 'get',
      path: '/deliveries/:id/log.txt',
      access: 'signed-in',
      summary: 'The whole log of a hook as text.',
      async handle(request, response) {
        const { id } = await find(pathId(request, 'dlv'));
        response.type('text/plain; charset=utf-8');
        for (let after = 0; !response.destroyed;) {
          const lines = await deliveries.log(id, { after, limit: linesAtOnce });
          response.write(lines.map(({ line }) => `${plain(line)}\n`).join(''));
          const last = lines.at(-1);
          if (last === undefined || lines.length < linesAtOnce) break;
          after = last.sequence;
        }
        response.end();
      },
    }),
  ];
}

const targetName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

function targetPages(ports: PagePorts): Route[] {
  const { views, queries, sessions, shadows, stopping, now } = ports;
  const inForce = stopsOnPages({ stops: views.stops, ledger: views.proofs.facts, now });
  return [
    route({
      name: 'list-targets',
      method: 'get',
      path: '/targets',
      access: 'signed-in',
      summary: 'Every target and what is live on it.',
      async handle(request, response, context) {
        const [{ targets }, live, frame] = await Promise.all([
          views.files(),
          queries.live(),
          frameOf(request, context),
        ]);
        const rows = [...targets].map(([name, policy]) => ({
          name,
          policy,
          live: live.find(({ target }) => target === name) ?? null,
        }));
        sendPage(response, TargetListPage({ frame, targets: rows, now: now() }));
      },
    }),
    route({
      name: 'show-target',
      method: 'get',
      path: '/targets/:target',
      access: 'signed-in',
      summary: 'One target: what is live, its rules, its deliveries.',
      async handle(request, response, context) {
        const name = String(request.params['target']);
        if (!targetName.test(name)) throw new HttpError('not-found', 'No target has this name.');
        const [{ targets, roster }, lives, deliveries, freezes, session, noted, doubted, frame] =
          await Promise.all([
            views.files(),
            queries.live(),
            queries.deliveries({ target: name, limit: listedDeliveries }),
            queries.freezes(),
            sessions.uncleanOn(name),
            shadows.onTarget(name, listedShadows),
            stopping.liveTouched(),
            frameOf(request, context),
          ]);
        const policy = targets.get(name) ?? null;
        if (policy === null && deliveries.length === 0) {
          throw new HttpError(
            'not-found',
            `There is no target ${name}. Targets are files of the gate: targets/${name}.yaml.`,
          );
        }
        const live = lives.find((each) => each.target === name) ?? null;
        const observation = await views.observations.of(name);
        const observe = policy?.policy.observe;
        const target = {
          name,
          policy,
          roster: roster.roster,
          live,
          sighting:
            live === null ? null : sightingOf({ ...live, observe, observation, now: now() }),
          deliveries,
          session,
          stops: (await inForce()).filter(
            ({ targets }) => targets.length === 0 || targets.includes(name),
          ),
          shadows: noted,
          touched: doubted.filter(({ release }) => release.target === name),
          freeze:
            freezes.find(({ repository }) => repository === policy?.policy.admits[0]?.repo) ?? null,
        };
        sendPage(response, TargetPage({ frame, target, now: now() }));
      },
    }),
  ];
}

function recordPages({ queries, ledger, origin, now }: PagePorts): Route[] {
  const leasesSeen = (sessions: readonly VaultSession[]): string =>
    sessions
      .filter(({ state }, index) => state !== 'CLEAN' || index === 0)
      .map(({ id, state, attempts }) => `${id}.${state}.${attempts}`)
      .join('-');
  return [
    route({
      name: 'show-ledger',
      method: 'get',
      path: '/ledger',
      access: 'signed-in',
      summary: 'The ledger in words, newest first.',
      async handle(request, response, context) {
        const before = Number(request.query['before'] ?? Number.NaN);
        const [checkpoint, witnessed, freezes, rows, frame] = await Promise.all([
          ledger.checkpoint(),
          ledger.witnessed(),
          queries.freezes(),
          queries.ledgerEntries({
            before: Number.isSafeInteger(before) && before >= 0 ? before : null,
            limit: listedEntries,
          }),
          frameOf(request, context),
        ]);
        const oldest = rows.at(-1)?.index ?? 0;
        const older = oldest > 0 ? oldest : null;
        sendPage(
          response,
          LedgerPage({
            ...{ frame, checkpoint, witnessed, rows, older, origin, now: now() },
            freeze: freezes.find(({ repository }) => repository === ledgerFreeze) ?? null,
          }),
        );
      },
    }),
    route({
      name: 'show-leases',
      method: 'get',
      path: '/leases',
      access: 'signed-in',
      summary: 'Credentials that live, and those that lived.',
      async handle(request, response, context) {
        const sessions = await queries.leases(listedLeases);
        const frame = await frameOf(request, context);
        sendPage(response, LeasePage({ frame, sessions, now: now(), seen: leasesSeen(sessions) }));
      },
    }),
    route({
      name: 'follow-leases',
      method: 'get',
      path: '/leases/events',
      access: 'signed-in',
      summary: 'Says when a credential comes or goes.',
      async handle(request, response) {
        await streamChanges(
          openEventStream(request, response),
          request.query['seen'],
          async () => ({
            seen: leasesSeen(await queries.leases(listedLeases)),
            ended: false,
          }),
        );
      },
    }),
  ];
}

function mePages({ views, passkeys, proofs, webSessions, now }: PagePorts): Route[] {
  return [
    route({
      name: 'show-me-page',
      method: 'get',
      path: '/me',
      access: 'signed-in',
      summary: 'Your passkeys and sessions.',
      async handle(request, response, context) {
        const viewer = viewerOf(context);
        const { roster, targets } = await views.files();
        const person = personByNameId(roster.roster, viewer.nameId);
        const deciding = decidingRoles(targets.values());
        const decides = viewer.roles.some((role) => deciding.includes(role));
        const [mine, sessions, frame] = await Promise.all([
          person === null ? [] : passkeys.ofPerson(person.id),
          webSessions.ofPerson(viewer.nameId),
          frameOf(request, context),
        ]);
        const answer = await ledgerFacts({ proofs });
        const enrolments = new Map(
          mine.flatMap((passkey) => {
            const known =
              'fault' in answer ? null : answer.facts.enrolment(enrolmentDigest(passkey));
            return known === null ? [] : [[passkey.credentialId, known]];
          }),
        );
        sendPage(
          response,
          MePage({
            ...{ frame, viewer, passkeys: mine, enrolments, person, sessions, decides },
            now: now(),
          }),
        );
      },
    }),
    route({
      name: 'sign-out-everywhere',
      method: 'post',
      path: '/me/sign-out-everywhere',
      access: 'signed-in',
      summary: 'Ending all your sessions',
      body: z.strictObject({}),
      async handle(_request, response, context) {
        await webSessions.endAll(viewerOf(context).nameId);
        response.redirect(303, '/auth/signed-out');
      },
    }),
  ];
}
