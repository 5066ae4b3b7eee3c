/** Asking and answering on a promotion: from the page, and by machine. */
import { route, type Route } from '@airlock/web/route';
import { z } from 'zod';
import { nameOf } from '../../app/view-promotion.ts';
import type { ViewSources } from '../../app/view-sources.ts';
import type { WriteRemark } from '../../app/write-remark.ts';
import { longestRemark } from '../../domain/remark.ts';
import { nothing, pathId, viewerOf } from '../shared.ts';
import { PersonsText } from './api.ts';

export interface RemarkPorts {
  readonly writeRemark: WriteRemark;
  readonly views: Pick<ViewSources, 'promotions' | 'remarks' | 'files'>;
}

const RemarkBody = z.strictObject({ text: PersonsText(longestRemark).min(1) });

export function remarkRoutes({ writeRemark, views }: RemarkPorts): Route[] {
  return [
    route({
      name: 'write-remark-form',
      method: 'post',
      path: '/promotions/:id/remarks',
      access: 'signed-in',
      summary: 'Asking, or answering',
      body: RemarkBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        await writeRemark(viewerOf(context).nameId, id, body);
        response.redirect(303, `/promotions/${id}`);
      },
    }),
    route({
      name: 'write-remark',
      method: 'post',
      path: '/api/v1/promotions/:id/remarks',
      access: 'signed-in',
      summary: 'Asking, or answering',
      body: RemarkBody,
      async handle(request, response, context, body) {
        const id = pathId(request, 'prm');
        response.status(201).json(await writeRemark(viewerOf(context).nameId, id, body));
      },
    }),
    route({
      name: 'read-remarks',
      method: 'get',
      path: '/api/v1/promotions/:id/remarks',
      access: 'signed-in',
      summary: 'What people asked and answered on a promotion, oldest first.',
      async handle(request, response) {
        const promotionId = pathId(request, 'prm');
        if ((await views.promotions.find(promotionId)) === null) throw nothing('promotion');
        const [files, remarks] = await Promise.all([views.files(), views.remarks.of(promotionId)]);
        response.json({
          remarks: remarks.map(({ id, person, text, at }) => ({
            ...{ id, person, name: nameOf(files, person), text, at: at.toISOString() },
          })),
        });
      },
    }),
  ];
}
