/** Each check of a promotion on a page of its own. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { checkIds, checksOf } from '../../app/checks.ts';
import { viewPromotionDetails } from '../../app/view-promotion.ts';
import type { ViewSources } from '../../app/view-sources.ts';
import { nothing, pathId, viewerOf } from '../shared.ts';
import { CheckPage } from '../views/check-page.tsx';

export interface CheckPorts {
  readonly views: ViewSources;
  readonly now: () => Date;
}

export function checkRoutes({ views, now }: CheckPorts): Route[] {
  return [
    route({
      name: 'show-check',
      method: 'get',
      path: '/promotions/:id/checks/:check',
      access: 'signed-in',
      summary: 'One check of a promotion with its evidence.',
      async handle(request, response, context) {
        const promotionId = pathId(request, 'prm');
        const { nameId } = viewerOf(context);
        const view = await viewPromotionDetails(views, { promotionId, nameId, now: now() });
        if (view === null) throw nothing('promotion');
        const check = checksOf(view).find(({ id }) => id === request.params['check']);
        if (check === undefined) {
          throw new HttpError(
            'not-found',
            `There is no check of that name. Checks are ${checkIds.join(', ')}.`,
          );
        }
        sendPage(response, CheckPage({ frame: await frameOf(request, context), view, check }));
      },
    }),
  ];
}
