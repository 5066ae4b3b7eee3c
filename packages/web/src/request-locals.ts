/** What is known of a request before its route answers. */
import type { Response } from 'express';
import type { RouteContext, Viewer } from './route.ts';
import { csrfTokenOf, hashOf, type OpenSession } from './session.ts';

export interface Locals {
  requestId: string;
  session: OpenSession | null;
  /** Of the token that the request came with; no session beside it. */
  scopes: readonly string[] | null;
  /** Its id. */
  token: string | null;
  viewer: Viewer | null;
  /** Of the caller, behind proxies. */
  address: string;
}

/** Express leaves `locals` open; this is the one place that fills it. */
export const localsOf = (response: Response): Locals => response.locals as Locals;

export const contextOf = (response: Response): RouteContext => {
  const { viewer, requestId, session } = localsOf(response);
  return {
    viewer,
    requestId,
    ...(session === null
      ? { csrfToken: '', session: null }
      : { csrfToken: csrfTokenOf(session.sid), session: hashOf(session.sid) }),
  };
};
