/** The route table: what is not in it does not exist. */
import type { Route } from '@airlock/web/route';
import { heedOwners } from './heed-owners.ts';
import type { GroupRequired } from '../domain/group-required.ts';
import { heedGroupRequired } from './heed-group-required.ts';
import { heedSight } from './heed-sight.ts';
import { accountRoutes } from './routes/accounts.tsx';
import { actRoutes } from './routes/acts.tsx';
import { apiRoutes } from './routes/api.ts';
import { elevationRoutes, type ElevationPorts } from './routes/elevation.tsx';
import { foundRoutes, type FoundPorts } from './routes/found.tsx';
import { budgetRoutes, type BudgetPorts } from './routes/budgets.ts';
import { credentialRoutes } from './routes/credentials.tsx';
import { logRoutes } from './routes/logs.ts';
import { notificationRoutes } from './routes/notifications.tsx';
import { ownerRoutes } from './routes/owners.ts';
import { pageRoutes, type PagePorts } from './routes/pages.tsx';
import { poolRoutes, type PoolPorts } from './routes/pools.tsx';
import { meRoutes } from './routes/me.tsx';
import { reachRoutes } from './routes/reach.tsx';
import { reportRoutes } from './routes/reports.tsx';
import type { ReportQueries } from '../app/report-ports.ts';
import { repositoryRoutes, type RepositoryPorts } from './routes/repositories.tsx';
import { releaseRoutes, type ReleasePorts } from './routes/releases.ts';
import { runLifeRoutes, type RunLifePorts } from './routes/run-life.ts';
import { runnerPageRoutes } from './routes/runners.tsx';
import { runnerApiRoutes } from './routes/runners-api.ts';
import { schemaRoutes } from './routes/schemas.ts';
import { secretRoutes, type SecretPorts } from './routes/secrets.tsx';
import type { PeopleKeeping } from '../people-keeping.ts';
import type { RunnerKeeping } from '../runner-keeping.ts';
import { sourceRoutes, type SourcePorts } from './routes/sources.ts';
import { variableSetRoutes } from './routes/variable-sets.tsx';
import { variableRoutes } from './routes/variables.tsx';
import { tokenRoutes } from './routes/tokens.tsx';
import { usageRoutes } from './routes/usage.tsx';
import type { ApiTokens } from '../app/api-tokens.ts';

export function nonprodRoutes(
  ports: Omit<PagePorts, 'sight'> & {
    readonly secrets: SecretPorts;
    readonly pools: PoolPorts;
    readonly fleet: RunnerKeeping;
    readonly releases: ReleasePorts;
    readonly budgets: BudgetPorts;
    readonly tokens: ApiTokens;
    readonly sources: SourcePorts;
    readonly found: Pick<FoundPorts, 'store' | 'events'>;
    readonly people: PeopleKeeping;
    readonly reports: ReportQueries;
    readonly runs: RunLifePorts;
    readonly events: RepositoryPorts['events'];
    readonly groupRequired: GroupRequired;
    readonly elevation: ElevationPorts;
    /** The configuration, of which the files are looked at. */
    readonly credentials: Parameters<typeof credentialRoutes>[0];
  },
): Route[] {
  const { sight } = ports.sources;
  const routes = [
    ...pageRoutes({ ...ports, sight }),
    ...logRoutes(ports),
    ...apiRoutes({ ...ports, sight }),
    ...heedSight(secretRoutes(ports.secrets, sight), sight, ports.secrets.project),
    ...poolRoutes({ ...ports.pools, sight }),
    ...runnerPageRoutes(ports.fleet, ports.pools.pools, sight),
    ...runnerApiRoutes(ports.fleet, sight),
    ...releaseRoutes(ports.releases),
    ...budgetRoutes(ports.budgets),
    ...usageRoutes({ usage: ports.people.usage, sight }),
    ...tokenRoutes(ports),
    ...sourceRoutes(ports.sources),
    ...foundRoutes({ ...ports.sources, ...ports.found }),
    ...repositoryRoutes({ ...ports, groups: ports.people.owners.groups }),
    ...reachRoutes({
      repositories: ports.sources.repositories,
      pools: ports.pools.pools,
      secrets: ports.secrets.keeping?.secrets ?? null,
      groupRequired: ports.groupRequired,
    }),
    ...meRoutes(),
    ...elevationRoutes(ports.elevation),
    ...credentialRoutes(ports.credentials),
    ...reportRoutes(ports),
    ...runLifeRoutes(ports.runs),
    ...schemaRoutes(),
    ...accountRoutes(ports.people),
    ...ownerRoutes(ports.people.owners),
    ...notificationRoutes(ports.people.notifications),
    ...actRoutes(ports.people.acts),
    ...variableRoutes(ports.people.variables),
    ...variableSetRoutes({ ...ports.people.variableSets, sight }),
  ];
  const owned = heedOwners(routes, ports.people.owners.groups);
  return heedSight(heedGroupRequired(owned, ports.groupRequired), sight);
}
