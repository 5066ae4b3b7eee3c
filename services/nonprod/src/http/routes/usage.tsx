/** Who used how much, for a person to look at and for a program to add up. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route, type RouteContext } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import { z } from 'zod';
import type { SightStore } from '../../app/sight-ports.ts';
import type { UsageFilter, UsageStore, UsageSums } from '../../app/usage-ports.ts';
import { groupUsage, usageDays } from '../../domain/usage.ts';
import { hiddenFrom } from '../heed-sight.ts';
import { UsagePage } from '../views/usage-page.tsx';

const named = z
  .string()
  .trim()
  .max(256)
  .transform((text) => (text === '' ? null : text))
  .default(null);
const day = named.refine((text) => text === null || z.iso.date().safeParse(text).success, {
  error: 'a day such as 2026-11-22',
});
const Filter = z.object({
  since: day,
  until: day,
  repository: named,
  person: named,
  group: named,
});

export interface UsageRoutePorts {
  readonly usage: UsageStore;
  readonly sight: Pick<SightStore, 'hiddenFrom'>;
}

export function usageRoutes({ usage, sight }: UsageRoutePorts): Route[] {
  /** @throws HttpError `request-malformed`, `group-missing`. */
  async function found(
    request: Request,
    context: RouteContext,
  ): Promise<{ readonly filter: UsageFilter; readonly sums: UsageSums }> {
    const asked = Filter.safeParse(request.query);
    if (!asked.success) {
      const [issue] = asked.error.issues;
      throw new HttpError('request-malformed', `${issue?.path.join('.')}: ${issue?.message}`);
    }
    const days = usageDays(asked.data, new Date());
    if (typeof days === 'string') throw new HttpError('request-malformed', days);
    const { repository, person, group } = asked.data;
    const own = context.viewer?.nameId ?? '';
    const seesPeople = context.viewer?.roles.includes('platform') === true;
    if (person !== null && person !== own && !seesPeople) {
      throw new HttpError(
        'group-missing',
        'What somebody else used is for the platform role; leave person out, or ask for yourself.',
      );
    }
    const hidden = await hiddenFrom(sight, context);
    const filter = { ...days, repository, person, group, hidden };
    const sums = await usage.sums(filter);
    const people = seesPeople ? sums.people : sums.people.filter(({ key }) => key === own);
    return { filter, sums: { ...sums, people } };
  }

  return [
    route({
      name: 'show-usage',
      method: 'get',
      path: '/usage',
      access: 'signed-in',
      summary: 'Who used how much',
      async handle(request, response, context) {
        const [frame, { filter, sums }] = await Promise.all([
          frameOf(request, context),
          found(request, context),
        ]);
        sendPage(response, UsagePage({ frame, filter, sums }));
      },
    }),
    route({
      name: 'read-usage',
      method: 'get',
      path: '/api/v1/usage',
      access: 'signed-in',
      scope: 'read',
      summary: 'Who used how much: by repository, person, group, pool and day',
      async handle(request, response, context) {
        const { filter, sums } = await found(request, context);
        const { total, repositories, people, pools, days } = sums;
        response.json({
          ...{ since: filter.since, until: filter.until, total },
          ...{ repositories, people, groups: groupUsage(repositories), pools, days },
        });
      },
    }),
  ];
}
