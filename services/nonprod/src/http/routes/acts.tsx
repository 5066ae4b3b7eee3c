/** What people did here that changes something, for those who run the installation. */
import { sendPage } from '@airlock/web/page';
import { HttpError } from '@airlock/web/problem';
import { route, type Route } from '@airlock/web/route';
import { frameOf } from '@airlock/web/server';
import type { Request } from 'express';
import { z } from 'zod';
import type { ActFilter, ActStore } from '../../app/act-ports.ts';
import { ActListPage } from '../views/act-list.tsx';

const mostShown = 100;

const named = z
  .string()
  .trim()
  .max(256)
  .transform((text) => (text === '' ? null : text))
  .default(null);
const Filter = z.object({
  person: named,
  object: named,
  day: named.refine((day) => day === null || z.iso.date().safeParse(day).success, {
    error: 'a day such as 2026-11-22',
  }),
  before: named.refine((id) => id === null || /^[1-9]\d{0,17}$/.test(id), {
    error: 'the id of an act',
  }),
});

/** @throws HttpError `request-malformed`. */
function filterOf({ query }: Request): ActFilter {
  const filter = Filter.safeParse(query);
  if (filter.success) return filter.data;
  const [issue] = filter.error.issues;
  throw new HttpError('request-malformed', `${issue?.path.join('.')}: ${issue?.message}`);
}

export function actRoutes(acts: Pick<ActStore, 'list'>): Route[] {
  return [
    route({
      name: 'show-acts',
      method: 'get',
      path: '/audit',
      access: 'role:platform',
      summary: 'What people did here',
      async handle(request, response, context) {
        const filter = filterOf(request);
        const [frame, found] = await Promise.all([
          frameOf(request, context),
          acts.list(filter, mostShown),
        ]);
        const isCut = found.length === mostShown;
        sendPage(response, ActListPage({ frame, filter, acts: found, isCut, now: new Date() }));
      },
    }),
    route({
      name: 'list-acts',
      method: 'get',
      path: '/api/v1/audit',
      access: 'role:platform',
      scope: 'read',
      summary: 'What people did here',
      async handle(request, response) {
        const found = await acts.list(filterOf(request), mostShown);
        response.json({
          acts: found.map(({ at, ...act }) => ({ ...act, at: at.toISOString() })),
          before: found.length === mostShown ? (found.at(-1)?.id ?? null) : null,
        });
      },
    }),
  ];
}
