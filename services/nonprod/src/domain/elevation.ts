/** Being administrator for a while: who may be one is a member like any other until they say why they need to be. */
import { z } from 'zod';
import type { NonprodRole } from './access.ts';

export const defaultElevationMinutes = 30;
export const mostElevationMinutes = 60;

export const ElevationWish = z.strictObject({
  reason: z.string().trim().min(5, 'say what it is for').max(500),
  minutes: z
    .int()
    .min(1)
    .max(mostElevationMinutes, `at most ${mostElevationMinutes} minutes`)
    .default(defaultElevationMinutes),
});
export type ElevationWish = z.infer<typeof ElevationWish>;

/** The one role that admits nobody before they take it up. */
export const elevatedRole = 'platform' satisfies NonprodRole;

export interface RolesNow {
  readonly roles: readonly NonprodRole[];
  readonly mayTakeUp: readonly NonprodRole[];
}

/** @param roles that the groups give. */
export function rolesNow(roles: readonly NonprodRole[], isElevated: boolean): RolesNow {
  if (isElevated || !roles.includes(elevatedRole)) return { roles, mayTakeUp: [] };
  return { roles: roles.filter((role) => role !== elevatedRole), mayTakeUp: [elevatedRole] };
}

/** What there is of somebody's first time; a wish that was taken back is none. */
export interface AdministratorWish {
  readonly id: string;
  readonly person: string;
  readonly reason: string;
  readonly askedAt: Date;
  /** Who said yes; null while nobody did. */
  readonly admittedBy: string | null;
}

export type Standing =
  /** Named in the configuration. */
  | 'first'
  | 'admitted'
  /** For another administrator's yes. */
  | 'waiting'
  | 'newcomer';

/** @param firstAdministrators names, exactly as whoever signs people in gives them. */
export function standingOf(
  person: string,
  firstAdministrators: readonly string[],
  wish: AdministratorWish | null,
): Standing {
  if (firstAdministrators.includes(person)) return 'first';
  if (wish === null || wish.person !== person) return 'newcomer';
  return wish.admittedBy === null || wish.admittedBy === person ? 'waiting' : 'admitted';
}

export const mayBecomeAdministrator = (standing: Standing): boolean =>
  standing === 'first' || standing === 'admitted';
