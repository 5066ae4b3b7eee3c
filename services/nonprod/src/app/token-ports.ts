import type { Identity } from '@airlock/web/saml/identity';
import type { TokenFacts } from '../domain/api-token.ts';

export interface PersonStore {
  /** As the identity provider says it now. */
  signedIn(identity: Identity): Promise<void>;
}

export interface NewToken {
  readonly id: string;
  readonly person: string;
  readonly name: string;
  readonly hash: Buffer;
  readonly scopes: readonly string[];
  readonly networks: readonly string[];
  readonly days: number;
  readonly administers: boolean;
}

export interface TokenSummary {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly networks: readonly string[];
  /** Its owner was administrator when they made it, and it counts as one. */
  readonly administers: boolean;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface FoundToken extends TokenFacts {
  readonly id: string;
  readonly scopes: readonly string[];
  readonly administers: boolean;
  readonly owner: Identity;
}

export interface TokenStore {
  /** False when the person never signed in, or has as many as one may have. */
  insert(token: NewToken, most: number): Promise<boolean>;
  /** Of one person, newest first, those that ended more than 30 days ago left out. */
  list(person: string): Promise<readonly TokenSummary[]>;
  /** False when the person has no such token that is not revoked. */
  revoke(person: string, id: string): Promise<boolean>;
  find(hash: Buffer): Promise<FoundToken | null>;
  /** Notes the use; at most once a minute, so that a busy program does not write a row a request. */
  used(id: string): Promise<void>;
}
