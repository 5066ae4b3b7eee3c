/** Wires who is who: accounts at forges, and the groups that repositories belong to. */
import { createLinkForge } from './adapters/forge/link-forge.ts';
import { createActStore } from './adapters/postgres/act-store.ts';
import type { Database } from './adapters/postgres/client.ts';
import { createGroupStore } from './adapters/postgres/group-store.ts';
import { createLinkStore } from './adapters/postgres/link-store.ts';
import {
  createNotificationChoices,
  createNotificationRules,
} from './adapters/postgres/notification-store.ts';
import { createUsageStore } from './adapters/postgres/usage-store.ts';
import { createVariableSetStore } from './adapters/postgres/variable-set-store.ts';
import { createVariableStore } from './adapters/postgres/variable-store.ts';
import type { ActStore } from './app/act-ports.ts';
import { createLinkAccounts, type LinkAccounts } from './app/link-accounts.ts';
import { createSetVariable } from './app/manage-variables.ts';
import type { UsageStore } from './app/usage-ports.ts';
import type { Events } from './events.ts';
import type { NotificationRoutePorts } from './http/routes/notifications.tsx';
import type { OwnerPorts } from './http/routes/owners.ts';
import type { VariableSetPorts } from './http/routes/variable-sets.tsx';
import type { VariableRoutePorts } from './http/routes/variables.tsx';
import type { LinkForgeSettings } from './people-config.ts';

export interface PeopleKeeping {
  readonly acts: ActStore;
  readonly variables: VariableRoutePorts;
  readonly usage: UsageStore;
  readonly variableSets: VariableSetPorts;
  readonly accounts: LinkAccounts;
  readonly owners: OwnerPorts;
  readonly notifications: NotificationRoutePorts;
}

/** @throws ConfigurationError when the secret of a forge's client cannot be read. */
export function keepPeople(
  ports: { readonly db: Database; readonly events: Events },
  settings: {
    readonly origin: string;
    readonly accountLinks: readonly LinkForgeSettings[];
    readonly repository: { readonly name: string };
  },
): PeopleKeeping {
  const { db, events } = ports;
  const variables = createVariableStore(db);
  const setVariable = createSetVariable(variables);
  return {
    acts: createActStore(db),
    usage: createUsageStore(db),
    variableSets: { sets: createVariableSetStore(db), variables, setVariable },
    variables: {
      ...{ variables, setVariable },
      signed: settings.repository.name,
    },
    accounts: createLinkAccounts({
      links: createLinkStore(db),
      forges: settings.accountLinks.map((forge) => createLinkForge(forge, settings.origin)),
      events,
    }),
    notifications: {
      choices: createNotificationChoices(db),
      rules: createNotificationRules(db),
    },
    owners: { groups: createGroupStore(db), events, configured: settings.repository.name },
  };
}
