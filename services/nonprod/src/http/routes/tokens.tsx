/** Tokens of one's own programs. A token is shown once, and no token makes or ends tokens. */
import { Network } from '@airlock/process/networks';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { z } from 'zod';
import type { ApiTokens } from '../../app/api-tokens.ts';
import type { TokenSummary } from '../../app/token-ports.ts';
import { mostAdministratorTokenDays, TokenWish, tokenScopes } from '../../domain/api-token.ts';
import { elevatedRole } from '../../domain/elevation.ts';
import { TokenListPage } from '../views/token-list.tsx';
import { pathId, requesterOf } from './shared.ts';

const TokenBody = TokenWish.extend({ networks: TokenWish.shape.networks.pipe(z.array(Network)) });

/** A form sends each ticked scope by a name of its own, numbers as text and lists as lines. */
const TokenForm = z
  .record(z.string(), z.string().max(4000))
  .transform(({ name, days, networks, ...boxes }) => ({
    name,
    days: Number(days),
    networks: (networks ?? '').split(/\s+/).filter((line) => line !== ''),
    scopes: tokenScopes.filter((scope) => boxes[`scope-${scope}`] === 'on'),
  }))
  .pipe(TokenBody);

export function tokenRoutes({ tokens }: { readonly tokens: ApiTokens }): Route[] {
  const make = async (
    context: RouteContext,
    wish: TokenWish,
  ): Promise<{ id: string; token: string }> => {
    const administers = context.viewer?.roles.includes(elevatedRole) === true;
    if (administers && wish.days > mostAdministratorTokenDays) {
      throw new HttpError(
        'refused',
        'You are administrator now, and a token that counts as an administrator’s lives at most a day. Ask for days: 1; or end being administrator (/me/administrator) first, for one that lives longer and is none.',
      );
    }
    const made = await tokens.make(requesterOf(context).id, wish, administers);
    if (made !== null) return made;
    throw new HttpError('refused', 'You have 50 tokens that count; revoke one that is not used.');
  };
  const revoke = async (person: string, id: string): Promise<void> => {
    if (await tokens.revoke(person, id)) return;
    throw new HttpError('not-found', 'You have no such token (any more).');
  };
  return [
    route({
      name: 'show-tokens',
      method: 'get',
      path: '/me/tokens',
      access: 'signed-in',
      summary: 'Tokens of one’s own programs',
      async handle(request, response, context) {
        const list = await tokens.list(requesterOf(context).id);
        const frame = await frameOf(request, context);
        sendPage(response, TokenListPage({ frame, tokens: list, made: null, now: new Date() }));
      },
    }),
    route({
      name: 'make-token-by-form',
      method: 'post',
      path: '/me/tokens',
      access: 'signed-in',
      summary: 'Making a token',
      body: TokenForm,
      async handle(request, response, context, wish) {
        const { id } = requesterOf(context);
        const made = await make(context, wish);
        const frame = await frameOf(request, context);
        // Answered by the page itself: a redirect would have to carry the token along.
        sendPage(
          response,
          TokenListPage({
            frame,
            tokens: await tokens.list(id),
            made: { ...made, name: wish.name },
            now: new Date(),
          }),
        );
      },
    }),
    route({
      name: 'revoke-token-by-form',
      method: 'post',
      path: '/me/tokens/:id/revoke',
      access: 'signed-in',
      summary: 'Revoking a token',
      async handle(request, response, context) {
        await revoke(requesterOf(context).id, pathId(request, 'tok'));
        response.redirect(303, '/me/tokens');
      },
    }),
    route({
      name: 'list-tokens',
      method: 'get',
      path: '/api/v1/tokens',
      access: 'signed-in',
      summary: 'Tokens of one’s own programs',
      async handle(_request, response, context) {
        const list = await tokens.list(requesterOf(context).id);
        response.json({ tokens: list.map(tokenJson) });
      },
    }),
    route({
      name: 'make-token',
      method: 'post',
      path: '/api/v1/tokens',
      access: 'signed-in',
      summary: 'Making a token',
      body: TokenBody,
      async handle(_request, response, context, wish) {
        response.status(201).json(await make(context, wish));
      },
    }),
    route({
      name: 'revoke-token',
      method: 'post',
      path: '/api/v1/tokens/:id/revoke',
      access: 'signed-in',
      summary: 'Revoking a token',
      async handle(request, response, context) {
        await revoke(requesterOf(context).id, pathId(request, 'tok'));
        response.status(204).end();
      },
    }),
  ];
}

function tokenJson(token: TokenSummary) {
  return {
    id: token.id,
    name: token.name,
    scopes: token.scopes,
    networks: token.networks,
    administers: token.administers,
    createdAt: token.createdAt.toISOString(),
    expiresAt: token.expiresAt.toISOString(),
    lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
    revokedAt: token.revokedAt?.toISOString() ?? null,
  };
}
