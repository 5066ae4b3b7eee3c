/**
 * What a private repository has is not there for those who are in none of its groups: the same answer as for what never
 * was. Every route is heeded by what its path, query and body name; lists leave out what `hiddenFrom` names.
 */
import { HttpError } from '@airlock/web/problem';
import type { Route, RouteContext } from '@airlock/web/route';
import type { Request } from 'express';
import { z } from 'zod';
import type { SightStore } from '../app/sight-ports.ts';

const Body = z.object({ repository: z.string() });

/** Names of the repositories that whoever asks does not see; nobody who is not signed in sees a private one. */
export function hiddenFrom(
  sight: Pick<SightStore, 'hiddenFrom'>,
  { viewer }: Pick<RouteContext, 'viewer'>,
): Promise<readonly string[]> {
  return sight.hiddenFrom(viewer ?? { groups: [], roles: [] });
}

/** The name in a path such as `/repos/*repository`, whose slashes part it. */
export function namedRepository({ params }: Pick<Request, 'params'>): string | null {
  const { repository } = params as Readonly<Record<string, unknown>>;
  if (Array.isArray(repository)) return repository.join('/');
  return typeof repository === 'string' ? repository : null;
}

type Sight = Pick<SightStore, 'hiddenFrom' | 'repositoryOf'>;

/** @param owner of everything that these routes show; null: they say themselves what they name. */
export function heedSight(
  routes: readonly Route[],
  sight: Sight,
  owner: string | null = null,
): Route[] {
  return routes.map((route) =>
    // Machines know no person; they come with a proof of their own.
    route.machine === true || route.access === 'public'
      ? route
      : {
          ...route,
          async handle(request, response, context, body) {
            await refuseHidden(request, context, body, { sight, owner });
            await route.handle(request, response, context, body);
          },
        },
  );
}

async function refuseHidden(
  request: Request,
  context: RouteContext,
  body: unknown,
  { sight, owner }: { readonly sight: Sight; readonly owner: string | null },
): Promise<void> {
  const hidden = await hiddenFrom(sight, context);
  if (hidden.length === 0) return;
  const { id } = request.params;
  const inBody = Body.safeParse(body);
  const inQuery = Body.safeParse(request.query);
  const named = [
    owner,
    namedRepository(request),
    typeof id === 'string' ? await sight.repositoryOf(id) : null,
    inBody.success ? inBody.data.repository : null,
    inQuery.success ? inQuery.data.repository : null,
  ];
  if (!named.some((name) => name !== null && hidden.includes(name))) return;
  throw new HttpError('not-found', 'There is nothing here of that name.');
}

/** Of these runs those that whoever asks may see. */
export async function seenRuns<Run extends { readonly repository: string }>(
  sight: Pick<SightStore, 'hiddenFrom'>,
  context: Pick<RouteContext, 'viewer'>,
  runs: readonly Run[],
): Promise<readonly Run[]> {
  const hidden = await hiddenFrom(sight, context);
  return runs.filter(({ repository }) => !hidden.includes(repository));
}
