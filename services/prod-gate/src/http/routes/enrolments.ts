/** Adding a passkey: its registration, and the signature of one in force where its person has one. */
import { route, type Route } from '@airlock/web/route';
import { z } from 'zod';
import type { SignedAnswer } from '../../app/co-sign.ts';
import type { Enrolment } from '../../app/enrol-passkey.ts';
import { registrationOptions, vouchOptions, type RelyingParty } from '../ceremonies.ts';
import { viewerOf } from '../shared.ts';
import { AssertionBody, Nonce, PersonsText } from './api.ts';

export interface EnrolmentRoutePorts {
  readonly relyingParty: RelyingParty;
  readonly enrolment: Enrolment;
}

/** What the passkey in force answered; left out where its person has none. */
export const VouchBody = z.strictObject({ nonce: Nonce, answer: AssertionBody }).optional();

const Empty = z.strictObject({});
const BeginVouchBody = z.strictObject({ challenge: Nonce, answer: z.unknown() });
const EnrolBody = BeginVouchBody.extend({ label: PersonsText(60).min(1), vouch: VouchBody });

export function vouchOf(body: z.infer<typeof VouchBody>): SignedAnswer | null {
  if (body === undefined) return null;
  const { nonce, answer } = body;
  return { nonce, answer: { credentialId: answer.id, ...answer.response } };
}

export function enrolmentRoutes({ relyingParty, enrolment }: EnrolmentRoutePorts): Route[] {
  return [
    route({
      name: 'begin-enrolment',
      method: 'post',
      path: '/api/v1/me/passkeys/options',
      access: 'signed-in',
      summary: 'Adding a passkey',
      body: Empty,
      async handle(_request, response, context) {
        const begun = await enrolment.begin(viewerOf(context).nameId);
        response.json(registrationOptions(relyingParty, begun));
      },
    }),
    route({
      name: 'begin-vouch',
      method: 'post',
      path: '/api/v1/me/passkeys/vouch',
      access: 'signed-in',
      summary: 'Vouching for a passkey',
      body: BeginVouchBody,
      async handle(_request, response, context, body) {
        const ceremony = await enrolment.beginVouch(viewerOf(context).nameId, body);
        response.json(vouchOptions(relyingParty, ceremony));
      },
    }),
    route({
      name: 'enrol-passkey',
      method: 'post',
      path: '/api/v1/me/passkeys',
      access: 'signed-in',
      summary: 'Adding a passkey',
      body: EnrolBody,
      async handle(_request, response, context, { vouch, ...body }) {
        const given = { ...body, vouch: vouchOf(vouch) };
        response.status(201).json(await enrolment.finish(viewerOf(context).nameId, given));
      },
    }),
  ];
}
