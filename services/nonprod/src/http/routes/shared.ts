import type { Request } from 'express';
import { parseId, type IdPrefix } from '@airlock/common/ids';
import { HttpError } from '@airlock/web/problem';
import type { RouteContext } from '@airlock/web/route';
import type { PromotionWish } from '../../app/ask-promotion.ts';

/** The id in the path; what is not an id of that kind names nothing. */
export function pathId(request: Request, prefix: IdPrefix): string {
  const text = request.params['id'];
  try {
    return parseId(prefix, typeof text === 'string' ? text : '');
  } catch (cause) {
    throw new HttpError(
      'not-found',
      `There is nothing of that id; ids here begin with ${prefix}_.`,
      {
        cause,
      },
    );
  }
}

export function requesterOf({ viewer }: RouteContext): PromotionWish['requester'] {
  if (viewer === null) throw new HttpError('sign-in-required', 'Sign in first.');
  return { id: viewer.nameId, idp: viewer.idp, name: viewer.name };
}
