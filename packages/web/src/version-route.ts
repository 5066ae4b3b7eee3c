/** Which build answers, for those alone who are signed in: whoever knows a version knows its holes. */
import type { Build } from '@airlock/process/build';
import { route, type Route } from './route.ts';

export const versionRoute = ({ version, commit, digest }: Build): Route =>
  route({
    name: 'show-version',
    method: 'get',
    path: '/api/v1/version',
    access: 'signed-in',
    summary: 'The version that answers',
    handle(_request, response) {
      response.json({ version, commit, digest });
    },
  });
