/** Holds every route against `groupRequired` of the configuration, for the platform role too. */
import { HttpError } from '@airlock/web/problem';
import type { Route } from '@airlock/web/route';
import { demandOf, missingGroups, type GroupRequired } from '../domain/group-required.ts';

export function heedGroupRequired(routes: readonly Route[], required: GroupRequired): Route[] {
  return routes.map((route) => {
    // Nobody is signed in there, so that nobody has groups.
    if (route.machine === true || route.access === 'public') return route;
    const demand = demandOf(route);
    return {
      ...route,
      async handle(request, response, context, body) {
        const needs = missingGroups(required, demand, context.viewer?.groups ?? []);
        if (needs !== null) {
          const who = needs.length === 0 ? 'nobody' : `one of the groups ${needs.join(', ')}`;
          const text = `${route.summary}: ${demand.action} of ${demand.noun} is for ${who} here, by groupRequired of nonprod-web.`;
          throw new HttpError('group-missing', text, { needs });
        }
        await route.handle(request, response, context, body);
      },
    };
  });
}
