/** Security keys of OpenSSH: enrolling one, and approving with it, by machine and by copying to and from a terminal. */
import { sendPage } from '@airlock/web/page';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { z } from 'zod';
import type { Decisions } from '../../app/approve-promotion.ts';
import type { SecurityKeyEnrolment } from '../../app/enrol-security-key.ts';
import type { PromotionStore } from '../../app/promotion-ports.ts';
import { nothing, pathId, viewerOf } from '../shared.ts';
import { EnrolSecurityKeyPage, SignWithSecurityKeyPage } from '../views/security-key-page.tsx';
import { vouchOptions, type RelyingParty } from '../ceremonies.ts';
import { Nonce, PersonsText } from './api.ts';
import { Armoured, answerOf } from './armoured.ts';
import { VouchBody, vouchOf } from './enrolments.ts';

export interface SecurityKeyPorts {
  readonly relyingParty: RelyingParty;
  readonly securityKeys: SecurityKeyEnrolment;
  readonly decisions: Pick<Decisions, 'beginApproval' | 'approve'>;
  readonly promotions: Pick<PromotionStore, 'evidence'>;
}

const Empty = z.strictObject({});
const PublicKey = z.string().trim().max(1024);
const VouchedBody = z.strictObject({ publicKey: PublicKey });
const EnrolFormBody = z.strictObject({
  challenge: Nonce,
  label: PersonsText(60).min(1),
  publicKey: PublicKey,
  signature: Armoured,
});
const EnrolBody = EnrolFormBody.extend({ vouch: VouchBody });
const ApproveBody = z.strictObject({ nonce: Nonce, note: PersonsText(500), signature: Armoured });

export function securityKeyRoutes(ports: SecurityKeyPorts): Route[] {
  return [...enrolmentRoutes(ports), ...approvalRoutes(ports), documentRoute(ports)];
}

function enrolmentRoutes({ relyingParty, securityKeys }: SecurityKeyPorts): Route[] {
  return [
    route({
      name: 'begin-security-key',
      method: 'post',
      path: '/api/v1/me/security-keys/options',
      access: 'signed-in',
      summary: 'Adding a security key',
      body: Empty,
      async handle(_request, response, context) {
        response.json(await securityKeys.begin(viewerOf(context).nameId));
      },
    }),
    route({
      name: 'enrol-security-key',
      method: 'post',
      path: '/api/v1/me/security-keys',
      access: 'signed-in',
      summary: 'Adding a security key',
      body: EnrolBody,
      async handle(_request, response, context, { vouch, ...body }) {
        const given = { ...body, vouch: vouchOf(vouch) };
        response.status(201).json(await securityKeys.finish(viewerOf(context).nameId, given));
      },
    }),
    route({
      name: 'begin-security-key-vouch',
      method: 'post',
      path: '/api/v1/me/security-keys/vouch',
      access: 'signed-in',
      summary: 'Vouching for a security key',
      body: VouchedBody,
      async handle(_request, response, context, body) {
        const ceremony = await securityKeys.beginVouch(viewerOf(context).nameId, body);
        response.json(vouchOptions(relyingParty, ceremony));
      },
    }),
    route({
      name: 'begin-security-key-page',
      method: 'post',
      path: '/me/security-key',
      access: 'signed-in',
      summary: 'Adding a security key',
      body: Empty,
      async handle(request, response, context) {
        const begun = await securityKeys.begin(viewerOf(context).nameId);
        const frame = await frameOf(request, context);
        sendPage(response, EnrolSecurityKeyPage({ frame, ...begun }));
      },
    }),
    route({
      name: 'enrol-security-key-page',
      method: 'post',
      path: '/me/security-keys',
      access: 'signed-in',
      summary: 'Adding a security key',
      body: EnrolFormBody,
      async handle(_request, response, context, body) {
        await securityKeys.finish(viewerOf(context).nameId, { ...body, vouch: null });
        response.redirect(303, '/me');
      },
    }),
  ];
}

function approvalRoutes({ decisions }: SecurityKeyPorts): Route[] {
  const approve = (
    nameId: string,
    id: string,
    { nonce, note, signature }: z.infer<typeof ApproveBody>,
  ) => decisions.approve(nameId, id, { nonce, note, answer: answerOf(signature) });
  return [
    route({
      name: 'approve-with-security-key',
      method: 'post',
      path: '/api/v1/promotions/:id/decisions/ssh',
      access: 'signed-in',
      summary: 'Approving with a security key',
      body: ApproveBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        response.status(201).json(await approve(viewerOf(context).nameId, id, body));
      },
    }),
    route({
      name: 'show-statement-to-sign',
      method: 'post',
      path: '/promotions/:id/ssh',
      access: 'signed-in',
      summary: 'Approving with a security key',
      body: Empty,
      async handle(request, response, context) {
        const id = pathId(request, 'prm');
        const { nonce, statement } = await decisions.beginApproval(viewerOf(context).nameId, id);
        const frame = await frameOf(request, context);
        sendPage(response, SignWithSecurityKeyPage({ frame, id, nonce, statement }));
      },
    }),
    route({
      name: 'approve-with-security-key-page',
      method: 'post',
      path: '/promotions/:id/ssh/approve',
      access: 'signed-in',
      summary: 'Approving with a security key',
      body: ApproveBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        await approve(viewerOf(context).nameId, id, body);
        response.redirect(303, `/promotions/${id}`);
      },
    }),
  ];
}

/** The bytes whose digest is signed, so that another machine computes it for itself. */
function documentRoute({ promotions }: SecurityKeyPorts): Route {
  return route({
    name: 'read-promotion-document',
    method: 'get',
    path: '/promotions/:id/document.json',
    access: 'signed-in',
    summary: 'The promotion document, byte for byte.',
    async handle(request, response) {
      const kept = await promotions.evidence(pathId(request, 'prm'));
      if (kept === null) throw nothing('promotion');
      response.type('application/json');
      response.send(kept.document);
    },
  });
}
