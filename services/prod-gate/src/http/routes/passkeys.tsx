/** Passkeys of everybody who decides: since when each counts, and taking one away that is not its person's. */
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { z } from 'zod';
import { ledgerFacts, type FactSources } from '../../app/fact-sources.ts';
import type { Passkey, PasskeyStore } from '../../app/passkey-ports.ts';
import { passkeyState, waits, withdrawnAt, type ShownPasskey } from '../../app/passkey-state.ts';
import type { WithdrawPasskey } from '../../app/withdraw-passkey.ts';
import { decidingRoles } from '../../domain/access.ts';
import type { KnownEnrolment } from '@airlock/common/approval/enrolments';
import { viewerOf } from '../shared.ts';
import { PasskeysPage, type ShownPasskeys } from '../views/passkeys-page.tsx';

export interface PasskeyRoutePorts {
  readonly passkeys: Pick<PasskeyStore, 'standing' | 'newest'>;
  readonly proofs: FactSources['proofs'];
  readonly views: Pick<FactSources, 'files'>;
  readonly withdrawPasskey: WithdrawPasskey;
  readonly now: () => Date;
}

/** Of those that do not wait, on one page. */
const listed = 50;

const WithdrawBody = z.strictObject({ credentialId: z.string().min(1).max(1024) });

export function passkeyRoutes({
  passkeys,
  proofs,
  views,
  withdrawPasskey,
  now,
}: PasskeyRoutePorts): Route[] {
  /** All that wait, the oldest first, and a page of the rest: nobody hides one that waits by adding others. */
  const listedOn = async (page: number): Promise<ShownPasskeys> => {
    const [standing, answer, { roster }] = await Promise.all([
      passkeys.standing(),
      ledgerFacts({ proofs }),
      views.files(),
    ]);
    const shown = (passkey: Passkey): ShownPasskey => ({
      passkey,
      person: roster.roster.people.find(({ id }) => id === passkey.person) ?? null,
      enrolment: 'fault' in answer ? null : ofPasskey(answer.facts, passkey),
    });
    const at = now();
    const waiting = standing.map(shown).filter((row) => waits(row, at));
    const rest = await passkeys.newest({
      without: waiting.map(({ passkey }) => passkey.credentialId),
      ...{ skip: (page - 1) * listed, take: listed + 1 },
    });
    return { waiting, rest: rest.slice(0, listed).map(shown), page, hasMore: rest.length > listed };
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
        const [shown, frame] = await Promise.all([
          listedOn(pageAsked(request.query['page'])),
          frameOf(request, context),
        ]);
        sendPage(response, PasskeysPage({ frame, ...shown, mayWithdraw, now: now() }));
      },
    }),
    route({
      name: 'list-passkeys',
      method: 'get',
      path: '/api/v1/passkeys',
      access: 'signed-in',
      summary: 'Passkeys of everybody who decides, and since when each counts',
      async handle(request, response) {
        const at = now();
        const { waiting, rest, page, hasMore } = await listedOn(pageAsked(request.query['page']));
        response.json({
          ...{ page, hasMore },
          passkeys: [...waiting, ...rest].map((row) => ({
            credentialId: row.passkey.credentialId,
            person: row.passkey.person,
            label: row.passkey.label,
            state: passkeyState(row, at),
            enrolment: enrolmentDigest(row.passkey),
            enrolledAt: row.passkey.enrolledAt.toISOString(),
            countsFrom: row.enrolment?.countsFrom.toISOString() ?? null,
            withdrawnAt: withdrawnAt(row)?.toISOString() ?? null,
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

function pageAsked(given: unknown): number {
  const page = given === undefined ? '1' : given;
  if (typeof page === 'string' && /^[1-9]\d{0,4}$/.test(page)) return Number(page);
  throw new HttpError('request-malformed', 'page: expected the number of a page, such as 2.');
}

function ofPasskey(
  facts: { enrolment(digest: string): KnownEnrolment | null },
  passkey: Passkey,
): KnownEnrolment | null {
  const known = facts.enrolment(enrolmentDigest(passkey));
  return known?.person === passkey.person ? known : null;
}
