/** Stopping and starting again: the page of controls, and the same by machine. */
import { sendPage } from '@airlock/web/page';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import { z } from 'zod';
import type { Lifting } from '../../app/lift-stop.ts';
import type { viewStop } from '../../app/view-stops.ts';
import type { PlaceStop, StopWish } from '../../app/place-stop.ts';
import { stopKinds, type Stop } from '../../domain/stop.ts';
import { stopEffect } from '../../domain/stop-words.ts';
import { requestOptions, type RelyingParty } from '../ceremonies.ts';
import { nothing, pathId, viewerOf } from '../shared.ts';
import { ControlsPage, type ShownStops } from '../views/controls-page.tsx';
import { incidentJson } from '../incident-json.ts';
import { StopPage } from '../views/stop-page.tsx';
import { AssertionBody, Nonce, PersonsText } from './api.ts';
import { Armoured, answerOf } from './armoured.ts';

export interface StopPorts {
  readonly relyingParty: RelyingParty;
  readonly stopping: {
    place: PlaceStop;
    readonly lifting: Lifting;
    view(): Promise<ShownStops>;
    incident(stopId: string): ReturnType<typeof viewStop>;
  };
  readonly now: () => Date;
}

const Target = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected the name of a target');
const Moment = z.iso.datetime().transform((text) => new Date(text));
const Matter = z
  .string()
  .max(200)
  .regex(/^[a-z]+:[\x21-\x7e]+$/, 'expected a kind and a value, such as commit:4f0a…');

const Excepted = z
  .array(z.string().regex(/^prm_[0-9a-z]{10}$/, 'expected the id of a promotion'))
  .max(16);

const StopBody = z.strictObject({
  kind: z.enum(stopKinds),
  targets: z.array(Target).max(100).default([]),
  matter: Matter.nullable().default(null),
  since: Moment.nullable().default(null),
  until: Moment.nullable().default(null),
  except: Excepted.default([]),
  reason: PersonsText(500),
});

/** As the page's forms send it: what is left empty is not said. */
const StopForm = z.strictObject({
  kind: z.enum(stopKinds),
  target: z.union([z.literal(''), Target]).default(''),
  hours: z
    .string()
    .regex(/^(\d{1,3})?$/, 'expected whole hours')
    .default(''),
  except: z
    .string()
    .max(256)
    .transform((text) => text.split(/[\s,]+/).filter((id) => id !== ''))
    .pipe(Excepted)
    .default([]),
  reason: PersonsText(500),
});

const SshLiftBody = z.strictObject({ nonce: Nonce, signature: Armoured });
const LiftBody = z.strictObject({ nonce: Nonce, note: z.literal(''), answer: AssertionBody });
const Empty = z.strictObject({});

export function stopRoutes({ relyingParty, stopping, now }: StopPorts): Route[] {
  const { lifting } = stopping;
  const stopOf = async (request: Request) => {
    const shown = await stopping.incident(pathId(request, 'stp'));
    if (shown === null) throw nothing('stop');
    return shown;
  };
  return [
    route({
      name: 'show-controls',
      method: 'get',
      path: '/controls',
      access: 'signed-in',
      summary: 'What is stopped, by whom and why; stopping, and starting again.',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        const view = await stopping.view();
        sendPage(response, ControlsPage({ frame, view, now: now() }));
      },
    }),
    route({
      name: 'stop-form',
      method: 'post',
      path: '/controls',
      access: 'signed-in',
      summary: 'Stopping',
      body: StopForm,
      async handle(_request, response, context, { kind, target, hours, except, reason }) {
        await stopping.place(viewerOf(context).nameId, {
          ...{ kind, reason, matter: null, since: null, except },
          targets: target === '' ? [] : [target],
          until: hours === '' ? null : new Date(now().getTime() + Number(hours) * 3_600_000),
        });
        response.redirect(303, '/controls');
      },
    }),
    route({
      name: 'list-stops',
      method: 'get',
      path: '/api/v1/stops',
      access: 'signed-in',
      summary: 'What is stopped now, and what was.',
      async handle(_request, response) {
        const { inForce, over, emergencyStop } = await stopping.view();
        response.json({
          stops: inForce.map(({ stop, signedBy }) => ({ ...stopJson(stop), signedBy })),
          over: over.map(({ stop }) => stopJson(stop)),
          emergencyStopSince: emergencyStop?.toISOString() ?? null,
        });
      },
    }),
    route({
      name: 'show-stop',
      method: 'get',
      path: '/controls/:id',
      access: 'signed-in',
      summary: 'What came of one stop, in force or over.',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        const shown = await stopOf(request);
        sendPage(response, StopPage({ frame, ...shown, now: now() }));
      },
    }),
    route({
      name: 'read-stop',
      method: 'get',
      path: '/api/v1/stops/:id',
      access: 'signed-in',
      summary: 'What came of one stop, in force or over.',
      async handle(request, response) {
        const { stop, incident } = await stopOf(request);
        response.json({
          stop: stopJson(stop),
          incident: incident === null ? null : incidentJson(incident, now()),
        });
      },
    }),
    route({
      name: 'place-stop',
      method: 'post',
      path: '/api/v1/stops',
      access: 'signed-in',
      summary: 'Stopping',
      body: StopBody,
      async handle(_request, response, context, body) {
        const wish: StopWish = body;
        response.status(201).json(stopJson(await stopping.place(viewerOf(context).nameId, wish)));
      },
    }),
    route({
      name: 'begin-lift',
      method: 'post',
      path: '/api/v1/stops/:id/lift/options',
      access: 'signed-in',
      summary: 'Starting again',
      body: Empty,
      async handle(request, response, context) {
        const ceremony = await lifting.begin(viewerOf(context).nameId, pathId(request, 'stp'));
        response.json({
          options: requestOptions(relyingParty, ceremony),
          nonce: ceremony.nonce,
          statement: ceremony.statement,
          // By this name the page's script compares what was shown with what is signed.
          promotionDigest: ceremony.digest,
        });
      },
    }),
    route({
      name: 'lift-stop',
      method: 'post',
      path: '/api/v1/stops/:id/lift',
      access: 'signed-in',
      summary: 'Starting again',
      body: LiftBody,
      async handle(request, response, context, { nonce, answer }) {
        const id = pathId(request, 'stp');
        const lifted = await lifting.lift(viewerOf(context).nameId, id, {
          nonce,
          answer: { credentialId: answer.id, ...answer.response },
        });
        response.status(201).json(lifted);
      },
    }),
    route({
      name: 'lift-stop-with-security-key',
      method: 'post',
      path: '/api/v1/stops/:id/lift/ssh',
      access: 'signed-in',
      summary: 'Starting again with a security key',
      body: SshLiftBody,
      async handle(request, response, context, { nonce, signature }) {
        const answer = answerOf(signature);
        const id = pathId(request, 'stp');
        response
          .status(201)
          .json(await lifting.lift(viewerOf(context).nameId, id, { nonce, answer }));
      },
    }),
  ];
}

const stopJson = (stop: Stop) => ({
  id: stop.id,
  kind: stop.kind,
  targets: stop.targets,
  matter: stop.matter,
  since: stop.since?.toISOString() ?? null,
  until: stop.until?.toISOString() ?? null,
  except: stop.except,
  reason: stop.reason,
  person: stop.person,
  placedAt: stop.placedAt.toISOString(),
  effect: stopEffect(stop),
});
