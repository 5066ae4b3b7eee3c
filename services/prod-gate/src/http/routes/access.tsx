/** Whose hands a target is in: who may what, and the smallest groups who could change production. */
import {
  assumptions,
  warningsOf,
  waysOf,
  type AccessFiles,
} from '@airlock/common/access/coalition';
import { powersOf } from '@airlock/common/access/powers';
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { GateFiles } from '../../app/configuration-ports.ts';
import { AccessPage } from '../views/access-page.tsx';

export interface AccessPorts {
  readonly views: { files(): Promise<Pick<GateFiles, 'targets' | 'roster' | 'trust'>> };
  /** The root of trust, as this process read it at its start. */
  readonly administrators: AccessFiles['administrators'];
  readonly now: () => Date;
}

export function accessRoutes({ views, administrators, now }: AccessPorts): Route[] {
  const look = async (target: string) => {
    const { targets, roster, trust } = await views.files();
    const policy = targets.get(target)?.policy;
    if (policy === undefined) {
      throw new HttpError('not-found', 'There is no target file of this name; see /targets.');
    }
    const files = { policy, roster: roster.roster, trust, administrators };
    const ways = waysOf(files, now());
    return { target, powers: powersOf(files, now()), ways, warnings: warningsOf(ways) };
  };
  return [
    route({
      name: 'show-access',
      method: 'get',
      path: '/targets/:target/access',
      access: 'signed-in',
      summary: 'Who may what on a target, and who together could change production.',
      async handle(request, response, context) {
        const access = await look(String(request.params['target']));
        sendPage(response, AccessPage({ frame: await frameOf(request, context), ...access }));
      },
    }),
    route({
      name: 'read-access',
      method: 'get',
      path: '/api/v1/targets/:target/access',
      access: 'signed-in',
      summary: 'The same by machine.',
      async handle(request, response) {
        response.json({ ...(await look(String(request.params['target']))), assumptions });
      },
    }),
  ];
}
