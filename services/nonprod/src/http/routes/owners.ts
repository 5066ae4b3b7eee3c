/** Which groups a repository belongs to. */
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { z } from 'zod';
import type { GroupStore } from '../../app/people-ports.ts';
import { GroupNames } from '../../people-config.ts';
import type { Events } from '../../events.ts';
import { requesterOf } from './shared.ts';

const Repository = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/);
const OwnersBody = z.strictObject({ repository: Repository, own: GroupNames, launch: GroupNames });

export interface OwnerPorts {
  readonly groups: GroupStore;
  readonly events: Pick<Events, 'ownersSet'>;
  /** The one that the configuration describes, its groups too. */
  readonly configured: string;
}

export function ownerRoutes({ groups, events, configured }: OwnerPorts): Route[] {
  const none = (name: string): HttpError =>
    new HttpError('not-found', `There is no repository ${name}.`);
  return [
    route({
      name: 'read-owners',
      method: 'get',
      path: '/api/v1/owners',
      access: 'signed-in',
      scope: 'read',
      summary: 'The groups that a repository belongs to, and those that may start its runs.',
      async handle(request, response) {
        const name = Repository.safeParse(request.query['repository']);
        if (!name.success) {
          throw new HttpError('request-malformed', 'Say of which: ?repository=NAME.');
        }
        const found = await groups.groups(name.data);
        if (found === null) throw none(name.data);
        response.json({ repository: name.data, ...found });
      },
    }),
    route({
      name: 'set-owners',
      method: 'put',
      path: '/api/v1/owners',
      access: 'role:platform',
      scope: 'admin',
      summary: 'Setting the groups of a repository',
      body: OwnersBody,
      async handle(_request, response, context, { repository, ...wanted }) {
        if (repository === configured) {
          const text = `The groups of ${repository} are set by owners and launchers of nonprod-scheduler’s configuration.`;
          throw new HttpError('refused', text);
        }
        const person = requesterOf(context).id;
        if (!(await groups.set(repository, wanted, person))) throw none(repository);
        events.ownersSet({ repository, ...wanted }, person);
        response.json({ repository, ...wanted });
      },
    }),
  ];
}
