/** Passkeys of everybody who decides: since when each counts, and taking one away that is not its person's. */
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { sendPage } from '@airlock/web/page';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { z } from 'zod';
import { ledgerFacts, type FactSources } from '../../app/fact-sources.ts';
import type { Passkey, PasskeyStore } from '../../app/passkey-ports.ts';
import type { WithdrawPasskey } from '../../app/withdraw-passkey.ts';
import { decidingRoles } from '../../domain/access.ts';
import type { KnownEnrolment } from '../../domain/enrolments.ts';
import { viewerOf } from '../shared.ts';
import { PasskeysPage, type ShownPasskey } from '../views/passkeys-page.tsx';

export interface PasskeyRoutePorts {
  readonly passkeys: Pick<PasskeyStore, 'newest'>;
  readonly proofs: FactSources['proofs'];
  readonly views: Pick<FactSources, 'files'>;
  readonly withdrawPasskey: WithdrawPasskey;
  readonly now: () => Date;
}

const listed = 200;

const WithdrawBody = z.strictObject({ credentialId: z.string().min(1).max(1024) });

export function passkeyRoutes({
  passkeys,
  proofs,
  views,
  withdrawPasskey,
  now,
}: PasskeyRoutePorts): Route[] {
  const shown = async (): Promise<readonly ShownPasskey[]> => {
    const [rows, answer, { roster }] = await Promise.all([
      passkeys.newest(listed),
      ledgerFacts({ proofs }),
      views.files(),
    ]);
    return rows.map((passkey) => ({
      passkey,
      person: roster.roster.people.find(({ id }) => id === passkey.person) ?? null,
      enrolment: 'fault' in answer ? null : ofPasskey(answer.facts, passkey),
    }));
  };
  return [
    route({
      name: 'show-passkeys-page',
      method: 'get',
      path: '/passkeys',
      access: 'signed-in',
      summary: 'Passkeys of everybody who decides',
      async handle(request, response, context) {
        const { roles } = viewerOf(context);
        const deciding = decidingRoles((await views.files()).targets.values());
        const mayWithdraw = roles.some((role) => deciding.includes(role));
        const [rows, frame] = await Promise.all([shown(), frameOf(request, context)]);
        sendPage(response, PasskeysPage({ frame, rows, mayWithdraw, now: now() }));
      },
    }),
    route({
      name: 'list-passkeys',
      method: 'get',
      path: '/api/v1/passkeys',
      access: 'signed-in',
      summary: 'Passkeys of everybody who decides, and since when each counts',
      async handle(_request, response) {
        const rows = await shown();
        response.json({
          passkeys: rows.map(({ passkey, enrolment }) => ({
            credentialId: passkey.credentialId,
            person: passkey.person,
            label: passkey.label,
            enrolment: enrolmentDigest(passkey),
            enrolledAt: passkey.enrolledAt.toISOString(),
            countsFrom: enrolment?.countsFrom.toISOString() ?? null,
            withdrawnAt: (enrolment?.withdrawnAt ?? passkey.revokedAt)?.toISOString() ?? null,
          })),
        });
      },
    }),
    route({
      name: 'withdraw-passkey-form',
      method: 'post',
      path: '/passkeys/withdrawal',
      access: 'signed-in',
      summary: 'Withdrawing a passkey',
      body: WithdrawBody,
      async handle(_request, response, context, { credentialId }) {
        await withdrawPasskey(viewerOf(context).nameId, credentialId);
        response.redirect(303, '/passkeys');
      },
    }),
    route({
      name: 'withdraw-passkey',
      method: 'post',
      path: '/api/v1/passkeys/withdrawal',
      access: 'signed-in',
      summary: 'Withdrawing a passkey',
      body: WithdrawBody,
      async handle(_request, response, context, { credentialId }) {
        await withdrawPasskey(viewerOf(context).nameId, credentialId);
        response.status(201).json({ credentialId });
      },
    }),
  ];
}

function ofPasskey(
  facts: { enrolment(digest: string): KnownEnrolment | null },
  passkey: Passkey,
): KnownEnrolment | null {
  const known = facts.enrolment(enrolmentDigest(passkey));
  return known?.person === passkey.person ? known : null;
}
