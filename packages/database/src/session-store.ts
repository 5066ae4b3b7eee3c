/**
 * Sessions and logins in Postgres, the same tables on both sides. What may be used once is taken out by DELETE … RETURNING,
 * which exactly one of any number of racers wins.
 */
import type { Pool } from 'pg';

/** Who somebody is, as JSON; the caller gives it a type by parsing what it gets back. */
interface StoredIdentity {
  readonly nameId: string;
  readonly idp: string;
  readonly displayName: string;
  readonly groups: string[];
}

interface Taken {
  readonly identity: StoredIdentity;
  readonly returnTo: string;
}

export interface PostgresSessionStore {
  createSession(
    sidHash: Buffer,
    session: { person: string; identity: StoredIdentity; expiresAt: Date },
  ): Promise<void>;
  readSession(sidHash: Buffer): Promise<{
    person: string;
    identity: StoredIdentity;
    createdAt: Date;
    lastSeenAt: Date;
  } | null>;
  touchSession(sidHash: Buffer, at: Date): Promise<void>;
  deleteSession(sidHash: Buffer): Promise<void>;
  beginLogin(login: {
    requestId: string;
    bindingHash: Buffer;
    relayState: string;
    returnTo: string;
    expiresAt: Date;
  }): Promise<void>;
  takeLogin(login: {
    requestId: string;
    bindingHash: Buffer;
    relayState: string;
    now: Date;
  }): Promise<{ returnTo: string } | null>;
  rememberAssertion(assertionId: string, expiresAt: Date): Promise<boolean>;
  createTicket(ticket: {
    codeHash: Buffer;
    identity: StoredIdentity;
    returnTo: string;
    expiresAt: Date;
  }): Promise<void>;
  takeTicket(codeHash: Buffer, now: Date): Promise<Taken | null>;
}

export function createSessionStore(pool: Pool): PostgresSessionStore {
  return {
    async createSession(sidHash, { person, identity, expiresAt }) {
      await pool.query('delete from web_session where expires_at < now()');
      await pool.query(
        'insert into web_session (sid_hash, person, data, expires_at) values ($1, $2, $3, $4)',
        [sidHash, person, JSON.stringify(identity), expiresAt],
      );
    },

    async readSession(sidHash) {
      const { rows } = await pool.query<{
        person: string;
        data: StoredIdentity;
        created_at: Date;
        last_seen_at: Date;
      }>(
        'select person, data, created_at, last_seen_at from web_session where sid_hash = $1 and expires_at > now()',
        [sidHash],
      );
      const [row] = rows;
      return row === undefined
        ? null
        : {
            person: row.person,
            identity: row.data,
            createdAt: row.created_at,
            lastSeenAt: row.last_seen_at,
          };
    },

    async touchSession(sidHash, at) {
      await pool.query('update web_session set last_seen_at = $2 where sid_hash = $1', [
        sidHash,
        at,
      ]);
    },

    async deleteSession(sidHash) {
      await pool.query('delete from web_session where sid_hash = $1', [sidHash]);
    },

    async beginLogin({ requestId, bindingHash, relayState, returnTo, expiresAt }) {
      await pool.query('delete from saml_login where expires_at < now()');
      await pool.query(
        'insert into saml_login (request_id, binding_hash, relay_state, return_to, expires_at) values ($1, $2, $3, $4, $5)',
        [requestId, bindingHash, relayState, returnTo, expiresAt],
      );
    },

    async takeLogin({ requestId, bindingHash, relayState, now }) {
      const { rows } = await pool.query<{ return_to: string }>(
        'delete from saml_login where request_id = $1 and binding_hash = $2 and relay_state = $3 and expires_at > $4 returning return_to',
        [requestId, bindingHash, relayState, now],
      );
      const [row] = rows;
      return row === undefined ? null : { returnTo: row.return_to };
    },

    async rememberAssertion(assertionId, expiresAt) {
      await pool.query('delete from saml_assertion where expires_at < now()');
      const { rowCount } = await pool.query(
        'insert into saml_assertion (assertion_id, expires_at) values ($1, $2) on conflict do nothing',
        [assertionId, expiresAt],
      );
      return rowCount === 1;
    },

    async createTicket({ codeHash, identity, returnTo, expiresAt }) {
      await pool.query('delete from login_ticket where expires_at < now()');
      await pool.query(
        'insert into login_ticket (code_hash, identity, return_to, expires_at) values ($1, $2, $3, $4)',
        [codeHash, JSON.stringify(identity), returnTo, expiresAt],
      );
    },

    async takeTicket(codeHash, now) {
      const { rows } = await pool.query<{ identity: StoredIdentity; return_to: string }>(
        'delete from login_ticket where code_hash = $1 and expires_at > $2 returning identity, return_to',
        [codeHash, now],
      );
      const [row] = rows;
      return row === undefined ? null : { identity: row.identity, returnTo: row.return_to };
    },
  };
}
