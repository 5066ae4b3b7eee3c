/** One's own accounts at forges: what makes one's pull requests a member's. */
import { sendPage } from '@airlock/web/page';
import { HttpError, signInRequired } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { HopPage } from '@airlock/web/views/hop-page';
import type { Request } from 'express';
import { z } from 'zod';
import type { LinkAccounts, LinkAnswer } from '../../app/link-accounts.ts';
import { LinkError } from '../../app/link-error.ts';
import { AccountListPage } from '../views/account-list.tsx';
import { requesterOf } from './shared.ts';

/** What a forge's codes and our states consist of; nothing else goes on into an address. */
const Grant = z.object({
  state: z.string().regex(/^[\w-]{43}$/),
  code: z.string().regex(/^[\w.~-]{1,512}$/),
});
const Unlink = z.strictObject({ host: z.string().max(255), account: z.string().max(255) });

export function accountRoutes({ accounts }: { readonly accounts: LinkAccounts }): Route[] {
  return [
    route({
      name: 'show-accounts',
      method: 'get',
      path: '/me/accounts',
      access: 'signed-in',
      summary: 'One’s own accounts at forges',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        const list = await accounts.list(requesterOf(context).id);
        const { forges } = accounts;
        sendPage(response, AccountListPage({ frame, accounts: list, forges, now: new Date() }));
      },
    }),
    route({
      name: 'list-accounts',
      method: 'get',
      path: '/api/v1/accounts',
      access: 'signed-in',
      scope: 'read',
      summary: 'One’s own accounts at forges',
      async handle(_request, response, context) {
        const list = await accounts.list(requesterOf(context).id);
        response.json({
          accounts: list.map(({ linkedAt, ...account }) => ({
            ...account,
            linkedAt: linkedAt.toISOString(),
          })),
        });
      },
    }),
    route({
      name: 'link-account',
      method: 'post',
      path: '/me/accounts/:host/link',
      access: 'signed-in',
      summary: 'Linking an account at a forge',
      async handle(request, response, context) {
        const host = hostOf(request);
        const href = await accounts.begin(requesterOf(context).id, host);
        if (href === null)
          throw new HttpError('not-found', `No account of ${host} is linked here.`);
        const { assets } = await frameOf(request, context);
        // A page and not a redirect: the policy lets our forms go to our own site alone.
        sendPage(
          response,
          HopPage({ href, title: `Going on to ${host}`, service: 'nonprod', assets }),
        );
      },
    }),
    route({
      name: 'take-linked-account',
      method: 'get',
      path: '/me/accounts/:host/callback',
      access: 'public',
      summary: 'Where a forge sends the browser back to',
      async handle(request, response, context) {
        const { state, error } = request.query;
        // No forge sends anybody back without one of them: whoever tries addresses finds nothing here.
        if (context.session === null && state === undefined && error === undefined)
          throw signInRequired();
        const grant = Grant.safeParse(request.query);
        if (!grant.success) {
          throw new HttpError(
            'refused',
            'The forge did not agree. Nothing was linked; begin again at /me/accounts.',
          );
        }
        const { assets } = await frameOf(request, context);
        const query = new URLSearchParams(grant.data).toString();
        const href = `/me/accounts/${hostOf(request)}/finish?${query}`;
        // The session's cookie comes only with a navigation that begins on our own site.
        sendPage(
          response,
          HopPage({ href, title: 'Linking your account', service: 'nonprod', assets }),
        );
      },
    }),
    route({
      name: 'finish-linked-account',
      method: 'get',
      path: '/me/accounts/:host/finish',
      access: 'signed-in',
      summary: 'Linking an account at a forge',
      async handle(request, response, context) {
        const grant = Grant.safeParse(request.query);
        if (!grant.success) throw new HttpError('request-malformed', 'Begin at /me/accounts.');
        const wish = { host: hostOf(request), ...grant.data };
        const answer = await finish(accounts, requesterOf(context).id, wish);
        if (answer.kind === 'refused') {
          throw new HttpError('refused', answer.text, { codes: [answer.code] });
        }
        response.redirect(303, '/me/accounts');
      },
    }),
    route({
      name: 'unlink-account',
      method: 'post',
      path: '/me/accounts/unlink',
      access: 'signed-in',
      summary: 'Unlinking an account',
      body: Unlink,
      async handle(_request, response, context, account) {
        if (!(await accounts.unlink(requesterOf(context).id, account))) {
          throw new HttpError('not-found', 'You have no such account (any more).');
        }
        response.redirect(303, '/me/accounts');
      },
    }),
  ];
}

async function finish(
  accounts: LinkAccounts,
  person: string,
  wish: Parameters<LinkAccounts['finish']>[1],
): Promise<LinkAnswer> {
  try {
    return await accounts.finish(person, wish);
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    const code = error.code === 'forge-away' ? 'dependency-unavailable' : 'refused';
    throw new HttpError(code, `${error.message}.`, { cause: error });
  }
}

function hostOf(request: Request): string {
  const { host } = request.params;
  if (typeof host === 'string' && /^[a-z0-9.-]{1,255}$/.test(host)) return host;
  throw new HttpError('not-found', 'No forge has such a name.');
}
