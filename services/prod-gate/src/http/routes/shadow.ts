/** Where the rules on trial of a target would have decided otherwise, for `airlock policy shadow`. */
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import type { GateFiles } from '../../app/configuration-ports.ts';
import type { ShadowStore } from '../../app/shadow-ports.ts';

export interface ShadowRoutePorts {
  readonly views: { files(): Promise<GateFiles> };
  readonly shadows: Pick<ShadowStore, 'onTarget'>;
}

export const listedShadows = 50;

export function shadowRoutes({ views, shadows }: ShadowRoutePorts): Route[] {
  return [
    route({
      name: 'list-shadow-differences',
      method: 'get',
      path: '/api/v1/targets/:target/shadow',
      access: 'signed-in',
      summary: 'Where the rules on trial of a target would have decided otherwise.',
      async handle(request, response) {
        const name = String(request.params['target']);
        const target = (await views.files()).targets.get(name);
        if (target === undefined) {
          throw new HttpError('not-found', 'There is no target of that name here.');
        }
        const { policy, digest } = target;
        response.json({
          target: name,
          policyDigest: digest,
          onTrial: policy.shadow !== undefined,
          differences: await shadows.onTarget(name, listedShadows),
        });
      },
    }),
  ];
}
