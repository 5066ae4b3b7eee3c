/**
 * Pages for people, webhooks, and the listener for runners. Signs nothing and publishes nothing: what people ask for is
 * written down, and the scheduler acts on it.
 */
import { randomBytes } from 'node:crypto';
import { openArtifactStore } from '@airlock/artifacts/open-store';
import { formatId } from '@airlock/common/ids';
import { openPool } from '@airlock/database/pool';
import { assertReachable } from '@airlock/database/reachable';
import { createSessionStore } from '@airlock/database/session-store';
import { thisBuild } from '@airlock/process/build';
import { runProcess, type Runtime } from '@airlock/process/main';
import { poolConfig } from '@airlock/process/settings';
import { launchPath } from '@airlock/pipeline/launch-file';
import { createDoorbell } from '@airlock/queue/doorbell';
import { certificateFigure, certificateFiles } from '@airlock/web/certificate-figure';
import { createCredentialNotices, credentialFigure } from '@airlock/web/credential-watch';
import { serveFigures } from '@airlock/web/figures';
import { createWebServer } from '@airlock/web/server';
import { timeText } from '@airlock/web/views/time';
import { openSourceMirrors } from '../adapters/git/source-mirrors.ts';
import { createDatabase } from '../adapters/postgres/client.ts';
import { createFigureReader } from '../adapters/postgres/figure-reader.ts';
import { createFoundStore } from '../adapters/postgres/found-store.ts';
import { createJobStore } from '../adapters/postgres/job-store.ts';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { createPromotionRequestStore } from '../adapters/postgres/promotion-request-store.ts';
import { createRepositoryStore } from '../adapters/postgres/repository-store.ts';
import { createPersonStore } from '../adapters/postgres/person-store.ts';
import { createTokenStore } from '../adapters/postgres/token-store.ts';
import { createApiTokens } from '../app/api-tokens.ts';
import { createAskPromotion } from '../app/ask-promotion.ts';
import { createGiveBait } from '../app/give-bait.ts';
import { createLeaseJob } from '../app/lease-job.ts';
import type { NewId } from '../app/ports.ts';
import { createReportJob } from '../app/report-job.ts';
import { jobsBell, schedulerBell } from '../bells.ts';
import { WebConfig } from '../config.ts';
import { groupsFor } from '../domain/access.ts';
import { createEvents } from '../events.ts';
import { createFoundEvents } from '../found-events.ts';
import { startMachineServer } from '@airlock/process/machine-server';
import { keepCaches } from '../cache-keeping.ts';
import { keepElevations } from '../elevation-keeping.ts';
import { keepLogs } from '../log-keeping.ts';
import { keepLooks } from '../look-keeping.ts';
import { keepPeople } from '../people-keeping.ts';
import { keepReports } from '../report-keeping.ts';
import { keepRuns } from '../run-keeping.ts';
import { keepSecrets } from '../secret-keeping.ts';
import { keepTrust } from '../trust-keeping.ts';
import { keepSources } from '../source-keeping.ts';
import { keepWebhooks } from '../webhook-keeping.ts';
import { nonprodRoutes } from '../http/routes.ts';
import { createSignInProxy } from '../http/proxy-sign-in.ts';
import { reportIntakeRoutes } from '../http/report-intake-api.ts';
import { cacheRoutes } from '../http/cache-api.ts';
import { secretHandoutRoutes } from '../http/secret-handout-api.ts';
import { createWorkWaiter, runnerRoutes } from '../http/runner-api.ts';
import { runnerRegistryRoutes } from '../http/runner-registry-api.ts';
import { keepRunners } from '../runner-keeping.ts';

const build = thisBuild();
const newId: NewId = (prefix) => formatId(prefix, randomBytes(10));

await runProcess({ name: 'nonprod-web', schema: WebConfig, start });

async function start(config: WebConfig, runtime: Runtime): Promise<void> {
  const { log } = runtime;
  const events = createEvents(log);
  const pool = openPool(poolConfig(config.database));
  runtime.onClose(() => pool.end());
  await assertReachable(pool, 'database');
  const db = createDatabase(pool);
  runtime.onClose(() => db.$disconnect());
  const jobs = createJobStore(db);
  const queries = createPageQueries(db);

  const { mainBranch } = config.repository;
  const logs = keepLogs({ settings: config.logs, mainBranch, db, jobs, runtime, events });

  const redisUrl = config.redis?.url ?? null;
  const bell = createDoorbell({ name: schedulerBell, redisUrl, log });
  const work = createDoorbell({ name: jobsBell, redisUrl, log });
  runtime.onClose(() => bell.close());
  runtime.onClose(() => work.close());
  const waiter = createWorkWaiter();
  work.listen(() => {
    waiter.wake();
    return Promise.resolve();
  });

  const mirrors = openSourceMirrors({
    configured: { name: config.repository.name, directory: config.mirrorDirectory },
    directory: config.repositories?.mirrorsDirectory ?? null,
  });
  const trust = keepTrust({ db, mirrors, bell, events });
  const settings = config.secrets;
  const { maskers } = logs;
  const keeping =
    settings === null ? null : await keepSecrets({ settings, db, runtime, events, newId, maskers });

  const secrets = keeping?.handOut ?? null;

  const fleet = await keepRunners({
    settings: config.runnerEdge,
    listener: config.runnerApi,
    ...{ pool, pools: trust.pools.pools, runtime, newId },
  });
  const blobs = openArtifactStore(config.artifacts);
  const reports = keepReports({ db, jobs, blobs });
  const runnerApi = await startMachineServer({
    listener: config.runnerApi,
    setting: 'runnerApi',
    routes: [
      ...secretHandoutRoutes(secrets),
      ...reportIntakeRoutes(reports.take),
      ...cacheRoutes(keepCaches({ settings: config.caches, db, runtime })),
      ...runnerRegistryRoutes(fleet),
      ...runnerRoutes({
        fleet,
        jobs,
        logs: logs.intake,
        mirrors,
        blobs,
        settings: config,
        leaseJob: createLeaseJob(
          {
            ...{ jobs, mirrors, bell, work, events, secrets },
            baitFor: createGiveBait({ maskers, random: randomBytes }),
          },
          { ...config, timeoutSeconds: config.jobTimeoutSeconds },
        ),
        reportJob: createReportJob({
          ...{ jobs, logs, bell, work, events },
          lookAtJob: keepLooks({ db, logs: logs.reader, events }),
        }),
        waitForWork: (milliseconds) => waiter.wait(milliseconds),
      }),
    ],
    mayCall: (caller, request) => fleet.guard.mayCall(caller, request),
    onRefusedCaller: (caller) => {
      events.callerRefused(caller, 'runner-api');
    },
    log,
  });
  runtime.onClose(() => runnerApi.close());
  runtime.listening(runnerApi.url);

  const webhooks = keepWebhooks({
    settings: config,
    listen: config.listen,
    repositories: createRepositoryStore(db),
    pool,
    bell,
    events,
    runtime,
  });

  const elevations = keepElevations({
    ...{ db, events, ...config },
    credentialNotices: createCredentialNotices(config, {
      ...{ of: 'nonprod-web', page: { href: '/credentials', label: 'Which' } },
      now: () => new Date(),
    }),
  });
  const persons = createPersonStore(db);
  const people = keepPeople({ db, events }, config);
  const tokens = createApiTokens({
    ...{ events, newId },
    resolveViewer: (identity, administers) => elevations.byToken(identity, administers),
    tokens: createTokenStore(db),
    clock: () => new Date(),
  });

  const web = await createWebServer({
    service: 'nonprod',
    origin: config.origin,
    ...{ listen: config.listen, securityContact: config.securityContact },
    log,
    assetsDirectory: config.assetsDirectory,
    manual: config.manual,
    sessions: createSessionStore(pool),
    saml: config.saml,
    proxy:
      config.signIn.proxy === null
        ? null
        : createSignInProxy(config.signIn.proxy, {
            certificateFiles: certificateFiles(config, '').map(({ file }) => file),
            ...{ now: () => new Date(), log },
          }),
    build,
    nav: [
      { href: '/', label: 'Runs', keys: 'g r' },
      { href: '/repos', label: 'Repositories', keys: 'g o' },
      { href: '/candidates', label: 'Candidates' },
      { href: '/promotions', label: 'Promotions', keys: 'g p' },
      { href: '/runners', label: 'Runners' },
      { href: '/pools', label: 'Pools' },
      { href: '/secrets', label: 'Secrets' },
      { href: '/variables', label: 'Variables' },
    ],
    intakes: [webhooks.intake],
    routes: nonprodRoutes({
      fleet,
      tokens,
      people,
      queries,
      logs,
      events,
      groupRequired: config.groupRequired,
      elevation: elevations.routes,
      credentials: config,
      mainBranch,
      askPromotion: createAskPromotion({
        requests: createPromotionRequestStore(db),
        bell,
        events,
        newId,
      }),
      secrets: { keeping, project: config.repository.name },
      pools: trust.pools,
      releases: trust.releases,
      budgets: trust.budgets,
      reports: reports.queries,
      runs: keepRuns({ db, bell, newId, events }),
      found: { store: createFoundStore(db), events: createFoundEvents(log) },
      sources: keepSources({
        ...{ db, bell, newId, origin: config.origin },
        from: config.repositories?.from ?? [],
        secretOf: (repository) => webhooks.secretOf(repository),
        pools: trust.pools.pools,
        launchFile: (repository, commit) => mirrors.of(repository).file(commit, launchPath),
      }),
    }),
    footer: async () => {
      const seenAt = await queries.gateSeenAt();
      const value = seenAt === null ? 'not yet' : timeText(seenAt, new Date());
      return [{ label: 'Gate last seen', value }];
    },
    resolveViewer: (identity, session) => elevations.inSession(identity, session),
    notices: (context) => elevations.notices(context),
    tokens: tokens.door,
    acts: people.acts,
    signedIn: (identity) => persons.signedIn(identity),
    groupForRole: (role) => groupsFor(role, config.groups).join(' or ') || role,
  });
  runtime.onClose(() => web.close());
  runtime.listening(web.url);
  const figures = createFigureReader(db);
  await serveFigures(config.figures, {
    runtime,
    build,
    read: async () => [...(await figures()), certificateFigure(config), credentialFigure(config)],
  });
}
