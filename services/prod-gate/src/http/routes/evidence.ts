import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { collectEvidence, type EvidenceSources } from '../../app/evidence.ts';
import type { DeliveryStore, PromotionStore, VaultSessionStore } from '../../app/ports.ts';
import { deliveryJson, leaseJson } from '../json.ts';
import { nothing, pathId } from '../shared.ts';
import { tarOf } from '../tar.ts';

export interface EvidencePorts {
  readonly evidence: Omit<EvidenceSources, 'promotions'>;
  readonly promotions: Pick<PromotionStore, 'find' | 'evidence'>;
  readonly deliveries: Pick<DeliveryStore, 'ofPromotion' | 'log'>;
  readonly sessions: Pick<VaultSessionStore, 'ofDelivery'>;
}

const keptLines = 10_000;

export function evidenceRoutes({
  evidence,
  promotions,
  deliveries,
  sessions,
}: EvidencePorts): Route[] {
  return [
    route({
      name: 'download-evidence',
      method: 'get',
      path: '/api/v1/promotions/:id/evidence',
      access: 'signed-in',
      summary: 'The archive by which anybody checks a delivery offline.',
      async handle(request, response) {
        const promotion = await promotions.find(pathId(request, 'prm'));
        if (promotion === null) throw nothing('promotion');
        const delivery = await deliveries.ofPromotion(promotion.id);
        if (delivery?.finishedAt == null) {
          throw new HttpError(
            'refused',
            `Evidence is of a delivery that has ended; this promotion is ${promotion.state}.`,
          );
        }
        const [session, log] = await Promise.all([
          sessions.ofDelivery(delivery.id),
          deliveries.log(delivery.id, { after: 0, limit: keptLines }),
        ]);
        const files = await collectEvidence(
          { ...evidence, promotions },
          {
            promotion,
            delivery,
            records: {
              delivery: deliveryJson(delivery, session, log),
              leases: session === null ? [] : [leaseJson(session)],
            },
          },
        );
        if (files === null) {
          throw new HttpError(
            'dependency-unavailable',
            'The end of this delivery is not under a signed checkpoint yet; try again in a few seconds. If it stays so, somebody of platform looks at the watchdog.',
          );
        }
        response.type('application/x-tar');
        response.setHeader(
          'content-disposition',
          `attachment; filename="${promotion.id}-evidence.tar"`,
        );
        response.send(tarOf(files, delivery.finishedAt));
      },
    }),
  ];
}
