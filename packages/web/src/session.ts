/** Sessions: an opaque cookie whose hash is in Postgres, with an idle and an absolute end. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Identity } from './saml/identity.ts';

export interface StoredSession {
  readonly person: string;
  readonly identity: Identity;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
}

/** Implemented over Postgres by `@airlock/database/session-store`. Each `take…` deletes what it returns: once is all. */
export interface SessionStore {
  createSession(
    sidHash: Buffer,
    session: { person: string; identity: Identity; expiresAt: Date },
  ): Promise<void>;
  readSession(sidHash: Buffer): Promise<StoredSession | null>;
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
  /** False when the assertion was seen before. */
  rememberAssertion(assertionId: string, expiresAt: Date): Promise<boolean>;
  createTicket(ticket: {
    codeHash: Buffer;
    identity: Identity;
    returnTo: string;
    expiresAt: Date;
  }): Promise<void>;
  takeTicket(codeHash: Buffer, now: Date): Promise<{ identity: Identity; returnTo: string } | null>;
}

export interface SessionLimits {
  readonly idleMinutes: number;
  readonly absoluteHours: number;
}

/** The gate forgets sooner: what can be done there is worth more. */
export const sessionLimits: Readonly<Record<'nonprod' | 'gate', SessionLimits>> = {
  nonprod: { idleMinutes: 30, absoluteHours: 8 },
  gate: { idleMinutes: 10, absoluteHours: 4 },
};

export const sessionCookie = '__Host-session';
const touchEveryMs = 30_000;

export const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();
export const newSecret = (): string => randomBytes(32).toString('base64url');

export interface OpenSession {
  readonly sid: string;
  readonly identity: Identity;
  readonly lastSeenAt: Date;
}

/** Finds the session of a cookie; one past its idle or absolute end is deleted and null. Does not count as activity. */
export async function findSession(
  store: SessionStore,
  sid: string,
  limits: SessionLimits,
  now: Date,
): Promise<OpenSession | null> {
  const sidHash = hashOf(sid);
  const session = await store.readSession(sidHash);
  if (session === null) return null;
  const idle = now.getTime() - session.lastSeenAt.getTime();
  const age = now.getTime() - session.createdAt.getTime();
  if (idle >= limits.idleMinutes * 60_000 || age >= limits.absoluteHours * 3_600_000) {
    await store.deleteSession(sidHash);
    return null;
  }
  return { sid, identity: session.identity, lastSeenAt: session.lastSeenAt };
}

/** `findSession` for what a person does: the idle time begins anew. */
export async function openSession(
  store: SessionStore,
  sid: string,
  limits: SessionLimits,
  now: Date,
): Promise<OpenSession | null> {
  const session = await findSession(store, sid, limits, now);
  if (session !== null && now.getTime() - session.lastSeenAt.getTime() > touchEveryMs)
    await store.touchSession(hashOf(sid), now);
  return session;
}

/** The synchroniser token of a session: derived, so that nothing more has to be stored. */
export const csrfTokenOf = (sid: string): string =>
  createHmac('sha256', sid).update('csrf').digest('base64url');

export function csrfTokenMatches(sid: string, given: unknown): boolean {
  if (typeof given !== 'string') return false;
  const expected = createHash('sha256').update(csrfTokenOf(sid)).digest();
  return timingSafeEqual(expected, createHash('sha256').update(given).digest());
}

/** The cookies of a request by name; the first of a name counts. */
export function readCookies(header: string | undefined): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at <= 0) continue;
    const name = pair.slice(0, at).trim();
    if (!cookies.has(name)) cookies.set(name, pair.slice(at + 1).trim());
  }
  return cookies;
}
