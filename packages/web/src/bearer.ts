/** Requests that a program makes with a token of its owner's, in place of a browser with a session. */
import type { Request } from 'express';
import { HttpError } from './problem.ts';
import type { Viewer } from './route.ts';

/** Who a token speaks for now, and what for. */
export interface TokenHolder {
  /** Id of the token. */
  readonly token: string;
  readonly viewer: Viewer;
  readonly scopes: readonly string[];
}

export interface TokenDoor {
  /** Null for a token that is unknown, revoked, expired, or used from where it may not be. @param address of the caller. */
  find(token: string, address: string): Promise<TokenHolder | null>;
}

/**
 * The holder of the request's `Authorization: Bearer` token; null where the request has no such header. A request with the
 * header is judged by it alone: no cookie counts beside it.
 *
 * @param address of the caller.
 * @param mayTryAgain false when this address has guessed too often.
 * @throws HttpError `token-refused`, `too-many-requests`.
 */
export async function tokenHolder(
  request: Request,
  address: string,
  door: TokenDoor,
  mayTryAgain: (address: string) => boolean,
): Promise<TokenHolder | null> {
  const header = request.get('authorization');
  if (header === undefined) return null;
  const token = /^Bearer ([\w.-]{8,256})$/.exec(header)?.[1];
  const holder = token === undefined ? null : await door.find(token, address);
  if (holder !== null) return holder;
  if (!mayTryAgain(address)) {
    throw new HttpError(
      'too-many-requests',
      'Too many refused tokens from your address; try again in a minute.',
    );
  }
  throw new HttpError(
    'token-refused',
    'The token is not one of ours, has ended, was revoked, or may not be used from this address. Make another on the page /me/tokens.',
  );
}
