import type { Request, Response } from 'express';
import type { z } from 'zod';

/** The signed-in person, as this service's own roster or group mapping sees them. */
export interface Viewer {
  readonly id: string;
  readonly name: string;
  readonly nameId: string;
  /** Entity id of the identity provider that vouched. */
  readonly idp: string;
  /** Group names exactly as the identity provider sent them. */
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  /** Roles that are theirs for a while once they say why, and that admit them nowhere before; left out: none. */
  readonly mayTakeUp?: readonly string[];
}

/**
 * Who may call a route. There is no default: leaving it out does not compile.
 * `role:X` admits viewers that have role X; a signed-in viewer without it gets a 403 that names the group.
 */
export type Access = 'public' | 'signed-in' | `role:${string}`;

export interface RouteContext {
  /** Never null on routes other than `public`. */
  readonly viewer: Viewer | null;
  readonly requestId: string;
  /** Goes into the hidden field `_csrf` of every form and the header `x-csrf-token` of every fetch that is not GET. */
  readonly csrfToken: string;
  /** SHA-256 of the session's identifier; null without a session, and for a program with a token. */
  readonly session: Buffer | null;
}

export interface Route<Body = unknown> {
  /** Verb-noun; the same word as use case, audit event and permission. */
  readonly name: string;
  readonly method: 'get' | 'post' | 'put' | 'delete';
  readonly path: string;
  readonly access: Access;
  /** A program may call it with a token of this scope, where the service takes tokens; left out: people alone. */
  readonly scope?: string;
  readonly summary: string;
  /** Parsed before `handle`; JSON or urlencoded (`_csrf` is taken out first). Faults answer 400 and name the field. */
  readonly body?: z.ZodType<Body>;
  /** Machine callers with their own authentication (webhooks): no cookie is read, no CSRF token expected, raw body kept. */
  readonly machine?: true;
  handle(
    request: Request,
    response: Response,
    context: RouteContext,
    body: Body,
  ): Promise<void> | void;
}

/** Declares a route; exists so that `body` and `handle` agree on the type. */
export function route<Body = undefined>(declaration: Route<Body>): Route {
  // A route table holds routes of different bodies; mount() parses with the same schema that typed `handle`.
  return declaration;
}
