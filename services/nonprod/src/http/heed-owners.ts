/**
 * Whatever a developer may change belongs to a repository, and is refused to those whose groups it does not belong to. A
 * route that is new is heeded without a line here: what is not known to start something counts as an edit.
 */
import { HttpError } from '@airlock/web/problem';
import type { Route, Viewer } from '@airlock/web/route';
import { z } from 'zod';
import type { GroupStore } from '../app/people-ports.ts';
import { can, type Verb } from '../domain/ownership.ts';

const starts: ReadonlySet<string> = new Set([
  'start-run',
  'cancel-run',
  'cancel-run-by-form',
  'retry-run',
  'retry-run-by-form',
  'release-run',
  'release-run-by-form',
  'ask-promotion',
  'ask-promotion-by-form',
]);

const Body = z.object({ repository: z.string() });

/** Null where a route is for everybody, or for a role that stands above repositories. */
export function verbOf({ name, method, access }: Route): Verb | null {
  if (method === 'get' || access !== 'role:developer') return null;
  return starts.has(name) ? 'start' : 'edit';
}

export interface Change {
  readonly viewer: Viewer | null;
  /** In the path; a run's or a candidate's. */
  readonly id: unknown;
  readonly body: unknown;
}

/** @throws HttpError `group-missing` when the repository belongs to groups that the viewer is in none of. */
export async function refuseForeign(
  route: Route,
  { viewer, id, body }: Change,
  groups: Pick<GroupStore, 'groups' | 'repositoryOf'>,
): Promise<void> {
  const verb = verbOf(route);
  if (verb === null || viewer === null) return;
  const named = Body.safeParse(body);
  const inBody = named.success ? named.data.repository : null;
  const repository = typeof id === 'string' ? await groups.repositoryOf(id) : inBody;
  const owners = repository === null ? null : await groups.groups(repository);
  // Without a repository there is nothing to change; the handler says what it misses.
  if (repository === null || owners === null) return;
  const permission = can(viewer, verb, owners);
  if (permission.kind === 'allowed') return;
  const text = `${route.summary} is for the groups that ${repository} belongs to.`;
  throw new HttpError('group-missing', text, { needs: permission.needs });
}

export function heedOwners(
  routes: readonly Route[],
  groups: Pick<GroupStore, 'groups' | 'repositoryOf'>,
): Route[] {
  return routes.map((route) => ({
    ...route,
    async handle(request, response, context, body) {
      const { id } = request.params;
      await refuseForeign(route, { viewer: context.viewer, id, body }, groups);
      await route.handle(request, response, context, body);
    },
  }));
}
