/** Making, ending and honouring the tokens of people's programs. */
import { randomBytes } from 'node:crypto';
import type { TokenDoor } from '@airlock/web/bearer';
import { isWithin } from '@airlock/process/networks';
import type { Viewer } from '@airlock/web/route';
import type { Identity } from '@airlock/web/saml/identity';
import { formatToken, tokenCounts, tokenHash, type TokenWish } from '../domain/api-token.ts';
import type { Events } from '../events.ts';
import type { NewId } from './ports.ts';
import type { TokenStore, TokenSummary } from './token-ports.ts';

/** That do not look like anybody's inventory of programs any more. */
const mostTokens = 50;

export interface ApiTokens {
  /**
   * The token, which is shown this once; null when the person has 50 already.
   *
   * @param administers whether the person is administrator now: the token counts as one for good, or never.
   */
  make(
    person: string,
    wish: TokenWish,
    administers: boolean,
  ): Promise<{ readonly id: string; readonly token: string } | null>;
  list(person: string): Promise<readonly TokenSummary[]>;
  revoke(person: string, id: string): Promise<boolean>;
  readonly door: TokenDoor;
}

export function createApiTokens(ports: {
  readonly tokens: TokenStore;
  readonly events: Events;
  readonly newId: NewId;
  readonly clock: () => Date;
  /** Who the owner is here now: a token can do at most what its owner might. */
  resolveViewer(identity: Identity, administers: boolean): Promise<Viewer | null>;
}): ApiTokens {
  const { tokens, events, newId, clock } = ports;
  return {
    async make(person, { days, ...wish }, administers) {
      const token = formatToken(randomBytes(32));
      const hash = tokenHash(token);
      if (hash === null) throw new Error('a token that was just made is none');
      const id = newId('tok');
      if (!(await tokens.insert({ id, person, hash, days, administers, ...wish }, mostTokens)))
        return null;
      events.tokenMade({ id, scopes: wish.scopes, days, administers }, person);
      return { id, token };
    },
    list: (person) => tokens.list(person),
    async revoke(person, id) {
      const revoked = await tokens.revoke(person, id);
      if (revoked) events.tokenRevoked({ id }, person);
      return revoked;
    },
    door: {
      async find(token, address) {
        const hash = tokenHash(token);
        const found = hash === null ? null : await tokens.find(hash);
        if (
          found === null ||
          !tokenCounts(found, clock(), (network) => isWithin(network, address))
        ) {
          events.tokenRefused({ id: found?.id ?? null }, address);
          return null;
        }
        const viewer = await ports.resolveViewer(found.owner, found.administers);
        if (viewer === null) return null;
        await tokens.used(found.id);
        return { token: found.id, viewer, scopes: found.scopes };
      },
    },
  };
}
