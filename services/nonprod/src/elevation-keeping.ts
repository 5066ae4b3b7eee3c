/** Wires who is administrator now: in which session, by which token, and what the others are told. */
import type { RouteContext, Viewer } from '@airlock/web/route';
import type { Identity } from '@airlock/web/saml/identity';
import type { Notice } from '@airlock/web/views/layout';
import { createElevationStore } from './adapters/postgres/elevation-store.ts';
import type { Database } from './adapters/postgres/client.ts';
import { rolesOf, type GroupRoles } from './domain/access.ts';
import { elevatedRole, rolesNow } from './domain/elevation.ts';
import type { Events } from './events.ts';
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
  readonly events: Pick<Events, 'elevationBegan' | 'elevationEnded'>;
  readonly groups: GroupRoles;
}): ElevationKeeping {
  const { db, events, groups } = ports;
  const elevations = createElevationStore(db);

  const viewerOf = (identity: Identity, isElevated: boolean): Viewer => ({
    id: identity.nameId,
    name: identity.displayName,
    nameId: identity.nameId,
    idp: identity.idp,
    groups: identity.groups,
    ...rolesNow(rolesOf(identity.groups, groups), isElevated),
  });

  return {
    routes: { elevations, events },
    async inSession(identity, session) {
      const mayBe = rolesOf(identity.groups, groups).includes(elevatedRole);
      const found = mayBe ? await elevations.inForce(session, identity.nameId) : null;
      return viewerOf(identity, found !== null);
    },
    byToken: (identity, administers) => Promise.resolve(viewerOf(identity, administers)),
    async notices({ viewer, session }) {
      if (viewer === null || session === null) return [];
      const isElevated = viewer.roles.includes(elevatedRole);
      if (!isElevated && viewer.mayTakeUp?.includes(elevatedRole) !== true) return [];
      const [own, all] = [
        isElevated ? await elevations.inForce(session, viewer.nameId) : null,
        await elevations.allInForce(),
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
      return [...mine, ...others];
    },
  };
}

function minutesTo(at: Date): string {
  const minutes = Math.max(1, Math.ceil((at.getTime() - Date.now()) / 60_000));
  return minutes === 1 ? 'another minute' : `another ${minutes} minutes`;
}
