/** Wires who is administrator now: in which session, by which token, and what the others are told. */
import type { RouteContext, Viewer } from '@airlock/web/route';
import type { Identity } from '@airlock/web/saml/identity';
import type { Notice } from '@airlock/web/views/layout';
import { createAdministratorStore } from './adapters/postgres/administrator-store.ts';
import { createElevationStore } from './adapters/postgres/elevation-store.ts';
import type { Database } from './adapters/postgres/client.ts';
import { rolesOf, type GroupRoles } from './domain/access.ts';
import {
  elevatedRole,
  mayBecomeAdministrator,
  rolesNow,
  standingOf,
  type Standing,
} from './domain/elevation.ts';
import type { ElevationPorts } from './http/routes/elevation.tsx';

export interface ElevationKeeping {
  readonly routes: ElevationPorts;
  /** Who somebody is in that session. */
  inSession(identity: Identity, session: Buffer): Promise<Viewer>;
  /** Whom a token speaks for. @param administers whether its owner was administrator when they made it. */
  byToken(identity: Identity, administers: boolean): Promise<Viewer>;
  /** For those who administer: who is administrator now, themselves first. */
  notices(context: RouteContext): Promise<readonly Notice[]>;
}

export function keepElevations(ports: {
  readonly db: Database;
  readonly events: ElevationPorts['events'];
  readonly groups: GroupRoles;
  /** Who needs nobody's yes, by name. */
  readonly firstAdministrators: readonly string[];
  /** What is overdue among this process's credentials, for those who administer. */
  readonly credentialNotices: () => readonly Notice[];
}): ElevationKeeping {
  const { db, events, groups, firstAdministrators, credentialNotices } = ports;
  const elevations = createElevationStore(db);
  const administrators = createAdministratorStore(db);
  const standing = async (person: string): Promise<Standing> =>
    standingOf(person, firstAdministrators, await administrators.wishOf(person));

  const viewerOf = (identity: Identity, isElevated: boolean): Viewer => ({
    id: identity.nameId,
    name: identity.displayName,
    nameId: identity.nameId,
    idp: identity.idp,
    groups: identity.groups,
    ...rolesNow(rolesOf(identity.groups, groups), isElevated),
  });

  return {
    routes: { elevations, administrators, standing, firstAdministrators, events },
    async inSession(identity, session) {
      const mayBe = rolesOf(identity.groups, groups).includes(elevatedRole);
      const found = mayBe ? await elevations.inForce(session, identity.nameId) : null;
      // Asked again each time: what was taken back ends at once, whatever was taken up beside it.
      const mayStill = found !== null && mayBecomeAdministrator(await standing(identity.nameId));
      return viewerOf(identity, mayStill);
    },
    async byToken(identity, administers) {
      const mayStill = administers && mayBecomeAdministrator(await standing(identity.nameId));
      return viewerOf(identity, mayStill);
    },
    async notices({ viewer, session }) {
      if (viewer === null || session === null) return [];
      const isElevated = viewer.roles.includes(elevatedRole);
      if (!isElevated && viewer.mayTakeUp?.includes(elevatedRole) !== true) return [];
      const [own, all, wishes] = [
        isElevated ? await elevations.inForce(session, viewer.nameId) : null,
        await elevations.allInForce(),
        await administrators.wishes(),
      ];
      const page = { kind: 'time', href: '/me/administrator' } as const;
      const mine: Notice[] =
        own === null
          ? []
          : [
              {
                ...page,
                title: `You are administrator for ${minutesTo(own.endsAt)}.`,
                ...{ text: own.reason, label: 'End it' },
              },
            ];
      const others = all
        .filter(({ person }) => person !== viewer.nameId)
        .map(({ person, reason, endsAt }) => ({
          ...page,
          title: `${person} is administrator for ${minutesTo(endsAt)}.`,
          ...{ text: reason, label: 'Who was, and why' },
        }));
      const waiting = wishes
        .filter(({ person, admittedBy }) => admittedBy === null && person !== viewer.nameId)
        .map(({ person, reason }) => ({
          ...page,
          title: `${person} wants to become administrator for the first time.`,
          ...{ text: reason, label: 'Say yes or no' },
        }));
      return [...mine, ...others, ...waiting, ...credentialNotices()];
    },
  };
}

function minutesTo(at: Date): string {
  const minutes = Math.max(1, Math.ceil((at.getTime() - Date.now()) / 60_000));
  return minutes === 1 ? 'another minute' : `another ${minutes} minutes`;
}
