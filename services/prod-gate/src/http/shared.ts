import type { Request } from 'express';
import { parseId, type IdPrefix } from '@airlock/common/ids';
import { HttpError } from '@airlock/web/problem';
import type { RouteContext, Viewer } from '@airlock/web/route';

/** The id in the path; what is not an id of that kind names nothing. */
export function pathId(request: Request, prefix: IdPrefix): string {
  const text = request.params['id'];
  try {
    return parseId(prefix, typeof text === 'string' ? text : '');
  } catch (cause) {
    throw new HttpError(
      'not-found',
      `There is nothing of that id; ids here begin with ${prefix}_.`,
      { cause },
    );
  }
}

/** Routes of signed-in people have a viewer; this says so to the compiler. */
export function viewerOf({ viewer }: RouteContext): Viewer {
  if (viewer === null) throw new HttpError('sign-in-required', 'Sign in first.');
  return viewer;
}

export const nothing = (what: string): HttpError =>
  new HttpError('not-found', `There is no ${what} of that id here.`);
