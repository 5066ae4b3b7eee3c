/** A person shows that an account at a forge is theirs, by signing in there (OAuth 2.0 with state and PKCE). */
import { createHash, randomBytes } from 'node:crypto';
import type { Events } from '../events.ts';
import type { ForgeAccount, LinkForge, LinkStore } from './people-ports.ts';

const wishSeconds = 600;

export type LinkAnswer =
  | { readonly kind: 'linked'; readonly account: ForgeAccount }
  | {
      readonly kind: 'refused';
      readonly code: 'state-unknown' | 'other-person' | 'account-taken';
      readonly text: string;
    };

export interface LinkAccounts {
  readonly forges: readonly Pick<LinkForge, 'host' | 'provider'>[];
  list(person: string): ReturnType<LinkStore['list']>;
  /** Where the browser goes next; null when no such forge is configured. */
  begin(person: string, host: string): Promise<string | null>;
  /**
   * What the forge sent the browser back with. Good once, and only for the person who began: nobody can be made to link
   * their account to another person, or another's account to theirs.
   *
   * @throws LinkError when the forge does not vouch for an account.
   */
  finish(
    person: string,
    answer: { readonly host: string; readonly state: string; readonly code: string },
  ): Promise<LinkAnswer>;
  /** False when the person has no such account. */
  unlink(person: string, account: Pick<ForgeAccount, 'host' | 'account'>): Promise<boolean>;
}

export function createLinkAccounts(ports: {
  readonly links: LinkStore;
  readonly forges: readonly LinkForge[];
  readonly events: Pick<Events, 'accountLinked' | 'accountUnlinked' | 'accountRefused'>;
}): LinkAccounts {
  const { links, forges, events } = ports;
  const refused = (
    person: string,
    code: Extract<LinkAnswer, { kind: 'refused' }>['code'],
    text: string,
  ): LinkAnswer => {
    events.accountRefused(code, person);
    return { kind: 'refused', code, text };
  };
  return {
    forges,
    list: (person) => links.list(person),

    async begin(person, host) {
      const forge = forges.find((each) => each.host === host);
      if (forge === undefined) return null;
      const [state, verifier] = [newSecret(), newSecret()];
      await links.begin({ stateHash: hashOf(state), person, host, verifier }, wishSeconds);
      return forge.authorizeUrl({ state, verifier });
    },

    async finish(person, { host, state, code }) {
      const wish = await links.take(hashOf(state));
      const forge = forges.find((each) => each.host === host);
      // What was begun at one forge is not finished at another (RFC 9700, section 4.4).
      if (wish === null || forge === undefined || wish.host !== host) {
        const text = 'This linking was used before or took too long; begin it again.';
        return refused(person, 'state-unknown', text);
      }
      if (wish.person !== person) {
        const text = 'Somebody else began this linking; begin one of your own.';
        return refused(person, 'other-person', text);
      }
      const account = await forge.accountOf({ code, verifier: wish.verifier });
      if (!(await links.link(person, account))) {
        const text = `${account.name} at ${host} is linked to another person here. They unlink it first, at /me/accounts.`;
        return refused(person, 'account-taken', text);
      }
      events.accountLinked(account, person);
      return { kind: 'linked', account };
    },

    async unlink(person, account) {
      const unlinked = await links.unlink(person, account);
      if (unlinked) events.accountUnlinked(account, person);
      return unlinked;
    },
  };
}

const newSecret = (): string => randomBytes(32).toString('base64url');
const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();
