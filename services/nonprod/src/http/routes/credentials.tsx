/** The credentials of this process and until when each is to be replaced, for those who run the installation. */
import { credentialsOf, type RotateEvery } from '@airlock/process/credential-age';
import { sendPage } from '@airlock/web/page';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { CredentialListPage } from '../views/credential-list.tsx';

/** @param config of nonprod-web: files are looked at anew for each answer. */
export function credentialRoutes(config: { readonly rotateEvery: RotateEvery }): Route[] {
  return [
    route({
      name: 'show-credentials',
      method: 'get',
      path: '/credentials',
      access: 'role:platform',
      summary: 'Credentials of nonprod-web, and when they are due to be replaced',
      async handle(request, response, context) {
        const frame = await frameOf(request, context);
        const credentials = credentialsOf(config, config.rotateEvery);
        sendPage(response, CredentialListPage({ frame, credentials, now: new Date() }));
      },
    }),
    route({
      name: 'list-credentials',
      method: 'get',
      path: '/api/v1/credentials',
      access: 'role:platform',
      scope: 'read',
      summary: 'Credentials of nonprod-web, and when they are due to be replaced',
      handle(_request, response) {
        const now = new Date();
        response.json({
          credentials: credentialsOf(config, config.rotateEvery).map(
            ({ setting, kind, since, due }) => ({
              ...{ setting, kind, since: since.toISOString(), due: due.toISOString() },
              overdue: due <= now,
            }),
          ),
        });
      },
    }),
  ];
}
