/** A site where administrators are made and ended, with a page that says who is one and a thing that only they may save. */
import type { Log } from '@airlock/process/log';
import { sendPage } from '@airlock/web/page';
import { route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { createTokenStore } from '../adapters/postgres/token-store.ts';
import { createApiTokens } from '../app/api-tokens.ts';
import { keepElevations } from '../elevation-keeping.ts';
import { createEvents } from '../events.ts';
import { elevationRoutes } from '../http/routes/elevation.tsx';
import { tokenRoutes } from '../http/routes/tokens.tsx';
import { MePage } from '../http/views/me-page.tsx';
import type { TestDatabase } from './database.ts';
import { newId } from './fixtures.ts';
import { identityOf, startTestWeb, type TestWeb } from './web.ts';

/** @param people names of members of the platform group who have signed in before; the first needs nobody's yes. */
export async function startElevationWeb(
  database: TestDatabase,
  people: readonly [string, ...string[]],
  log: Log,
): Promise<TestWeb> {
  const db = database.as('nonprod_web');
  const events = createEvents(log);
  const groups = { platform: 'platform' } as const;
  const firstAdministrators = [`${people[0]}@example.com`];
  const keeping = keepElevations({
    ...{ db, events, groups, firstAdministrators, credentialNotices: () => [] },
  });
  const tokens = createApiTokens({
    ...{ events, newId, clock: () => new Date(), tokens: createTokenStore(db) },
    resolveViewer: (identity, administers) => keeping.byToken(identity, administers),
  });
  for (const name of people)
    await createPersonStore(db).signedIn(identityOf(`${name}@example.com`, ['platform']));
  return startTestWeb(
    database,
    [
      ...elevationRoutes(keeping.routes),
      ...tokenRoutes({ tokens }),
      route({
        ...{ name: 'save-thing', method: 'post', path: '/things/lamp', summary: 'Saving a thing' },
        access: 'role:platform',
        scope: 'admin',
        handle(_request, response) {
          response.json({ saved: true });
        },
      }),
      route({
        ...{ name: 'show-things', method: 'get', path: '/things', summary: 'Things' },
        access: 'signed-in',
        async handle(request, response, context) {
          sendPage(response, MePage({ frame: await frameOf(request, context) }));
        },
      }),
    ],
    {
      tokens: tokens.door,
      resolveViewer: (identity, session) => keeping.inSession(identity, session),
      notices: (context) => keeping.notices(context),
    },
  );
}
