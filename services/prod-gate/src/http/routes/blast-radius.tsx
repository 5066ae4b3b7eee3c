/** What rests on a key, a runner, a commit, a person: the page to look at when something turned out to be bad, and the same by machine. */
import { Duration } from '@airlock/common/policy/duration';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { z } from 'zod';
import type { BlastQuestion, BlastRadius } from '../../app/view-blast-radius.ts';
import type { PlaceStop } from '../../app/place-stop.ts';
import { adviceText } from '../../domain/blast-radius.ts';
import { matterText, readMatter } from '../../domain/matter.ts';
import { viewerOf } from '../shared.ts';
import { BlastRadiusPage, blastRadiusHref } from '../views/blast-radius-page.tsx';
import { PersonsText } from './api.ts';

export interface BlastRadiusPorts {
  readonly stopping: {
    readonly place: PlaceStop;
    readonly blastRadius: (question: BlastQuestion) => Promise<BlastRadius>;
  };
  readonly now: () => Date;
}

/** As form and command line send it; the form sends kind and value apart. */
const Asked = z.strictObject({
  matter: z.string().max(250).default(''),
  kind: z.string().max(20).default(''),
  value: z.string().trim().max(220).default(''),
  since: z.string().trim().max(40).default(''),
  until: z.string().trim().max(40).default(''),
});
export type Asked = z.infer<typeof Asked>;

const QuarantineForm = z.strictObject({
  kind: z.enum(['quarantine', 'distrust-signer']),
  matter: z.string().max(250),
  since: z.union([z.literal(''), z.iso.datetime()]),
  reason: PersonsText(500),
});

export function blastRadiusRoutes({ stopping, now }: BlastRadiusPorts): Route[] {
  return [
    route({
      name: 'show-blast-radius',
      method: 'get',
      path: '/blast-radius',
      access: 'signed-in',
      summary:
        'Every release that rests on a key, a builder, a runner, a commit, a package, a person.',
      async handle(request, response, context) {
        const asked = readAsked(request.query);
        const question = asked.value === '' ? null : questionOf(asked, now());
        const answer =
          question === null || 'fault' in question ? null : await stopping.blastRadius(question);
        const fault = question !== null && 'fault' in question ? question.fault : null;
        const frame = await frameOf(request, context);
        sendPage(response, BlastRadiusPage({ frame, asked, answer, fault, now: now() }));
      },
    }),
    route({
      name: 'read-blast-radius',
      method: 'get',
      path: '/api/v1/blast-radius',
      access: 'signed-in',
      summary: 'The same by machine.',
      async handle(request, response) {
        const question = questionOf(readAsked(request.query), now());
        if ('fault' in question) throw new HttpError('request-malformed', question.fault);
        response.json(blastRadiusJson(await stopping.blastRadius(question)));
      },
    }),
    route({
      name: 'quarantine-form',
      method: 'post',
      path: '/controls/quarantine',
      access: 'signed-in',
      summary: 'Holding what rests on it',
      body: QuarantineForm,
      async handle(_request, response, context, { kind, matter, since, reason }) {
        await stopping.place(viewerOf(context).nameId, {
          ...{ kind, targets: [], matter, until: null, except: [], reason },
          since: since === '' ? null : new Date(since),
        });
        response.redirect(303, blastRadiusHref(matter));
      },
    }),
  ];
}

/** @throws HttpError `request-malformed` */
function readAsked(query: unknown): Asked {
  const read = Asked.safeParse(query);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new HttpError(
      'request-malformed',
      `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}; the query has matter, since and until.`,
    );
  }
  const { matter } = read.data;
  if (matter === '') return read.data;
  const at = matter.indexOf(':');
  return { ...read.data, kind: matter.slice(0, Math.max(at, 0)), value: matter.slice(at + 1) };
}

function questionOf({ kind, value, since, until }: Asked, now: Date) {
  const matter = readMatter(`${kind}:${value}`);
  if ('fault' in matter) return matter;
  const [from, to] = [momentOf(since, now), momentOf(until, now)];
  if (from === 'malformed' || to === 'malformed') {
    return {
      fault:
        'Times are a span back from now such as 48h or 14d, or a moment in UTC such as 2026-11-22T10:00:00Z.',
    };
  }
  return { matter, since: from, until: to };
}

function momentOf(text: string, now: Date): Date | null | 'malformed' {
  if (text === '') return null;
  const span = Duration.safeParse(text);
  if (span.success) return new Date(now.getTime() - span.data * 1000);
  const moment = z.iso.datetime().safeParse(text);
  return moment.success ? new Date(moment.data) : 'malformed';
}

function blastRadiusJson({ matter, since, until, touched, ...rest }: BlastRadius) {
  return {
    matter: matterText(matter),
    since: since?.toISOString() ?? null,
    until: until?.toISOString() ?? null,
    doubt: rest.doubt,
    keys: rest.keys,
    hasMore: rest.hasMore,
    quarantines: rest.quarantines.map(({ id, targets, placedAt }) => ({
      ...{ stop: id, targets, placedAt: placedAt.toISOString() },
    })),
    touched: touched.map(({ promotion, delivery, ...one }) => ({
      promotion: promotion.id,
      target: promotion.target,
      release: promotion.release,
      commit: promotion.commit,
      state: promotion.state,
      admittedAt: promotion.admittedAt.toISOString(),
      live: one.isLive,
      delivery:
        delivery === null
          ? null
          : {
              ...{ id: delivery.id, state: delivery.state },
              startedAt: delivery.startedAt.toISOString(),
              finishedAt: delivery.finishedAt?.toISOString() ?? null,
            },
      why: one.why,
      onlyPossible: one.isOnlyPossible,
      heldBy: one.heldBy,
      advice: one.advice,
      adviceText: adviceText[one.advice],
    })),
  };
}
