/**
 * Every promise that the documents make which Airlock was built after, by its id: what shows it beside drills and checks of the
 * doctor, which name their promises themselves, and what is missing where it is not kept, or not wholly.
 */
export interface Row {
  readonly id: string;
  readonly promise: string;
  /** Tests, as `file: title` or the beginning of one. */
  readonly tests: readonly string[];
  /** Why it does not count as met, whatever shows parts of it. */
  readonly missing: string | null;
}

const nonprod = (rest: string): string => `services/nonprod/src/${rest}`;
const build = (rest: string): string => `packages/build/src/${rest}`;
const registry = (title: string): string =>
  nonprod(`http/runner-registry.integration.test.ts: ${title}`);
const handout = (title: string): string =>
  nonprod(`http/secret-handout.integration.test.ts: ${title}`);
const secrets = (title: string): string => nonprod(`app/secrets.integration.test.ts: ${title}`);
const pool = (title: string): string => nonprod(`domain/pool.test.ts: ${title}`);
const people = (title: string): string => nonprod(`http/accounts.integration.test.ts: ${title}`);
const watched = (title: string): string =>
  nonprod(`http/suspicious-runs.integration.test.ts: ${title}`);
const tokens = (title: string): string => nonprod(`http/tokens.integration.test.ts: ${title}`);
const elevation = (title: string): string =>
  nonprod(`http/elevation.integration.test.ts: ${title}`);
const administrators = (title: string): string =>
  nonprod(`http/administrators.integration.test.ts: ${title}`);
const relay = (title: string): string => nonprod(`http/hook-relay.integration.test.ts: ${title}`);
const sources = (title: string): string => nonprod(`app/sources.integration.test.ts: ${title}`);
const bySignInProxy = (title: string): string =>
  nonprod(`http/proxy-sign-in.integration.test.ts: ${title}`);
const isolation = (title: string): string => build(`isolation/apart.test.ts: ${title}`);
const escape = (title: string): string => build(`escape-kit/escape-kit.test.ts: ${title}`);
const proxy = (title: string): string => `packages/sandbox/src/egress/proxy.test.ts: ${title}`;
const listening = (title: string): string => `packages/web/src/listen.test.ts: ${title}`;
const adversary = (rest: string): string => `tests/adversary/${rest}`;
const e2e = (rest: string): string => `tests/e2e/${rest}`;

const met = (id: string, promise: string, ...tests: readonly string[]): Row => ({
  ...{ id, promise, tests, missing: null },
});
const not = (id: string, promise: string, missing: string, ...tests: readonly string[]): Row => ({
  ...{ id, promise, tests, missing },
});

const vespene: readonly Row[] = [
  met(
    'V1',
    'attackers by what they have, each with drills',
    'packages/cli/src/drills/drill.test.ts: every kind of attacker has a drill',
  ),
  met(
    'V2',
    'a security contact on both sites',
    'packages/web/src/server.integration.test.ts: security.txt says whom to tell',
  ),
  not(
    'V3',
    'every tip of the guide is a check',
    'some of the doctor’s checks are still to be written, as this page shows',
  ),
  met(
    'V4',
    'listens on no public address, and does not say what it is to strangers',
    e2e('listeners.test.ts: what does listen, listens on the address'),
    e2e('listeners.test.ts: strangers are told nowhere what it is'),
    'packages/web/src/views/views.test.tsx: V4: a stranger’s page names no product',
  ),
  met(
    'V5',
    'webhooks come through a small relay; nonprod fetches them',
    relay('a webhook reaches nonprod, which listens nowhere'),
    relay('a signed webhook from another address is refused'),
    relay('a forged webhook is refused and not kept'),
  ),
  met(
    'V6',
    'few administrators, for an hour and with a reason',
    elevation('an administrator is refused what administrators do until they say why'),
    elevation('it ends when its holder says so, at its time, and when its holder signs out'),
    elevation('every page says how long somebody is administrator still'),
    elevation('a token is an administrator’s only if its owner was one'),
  ),
  met(
    'V7',
    'groups own repositories; others start or look',
    nonprod('domain/ownership.test.ts: who may start and edit what'),
  ),
  met(
    'V8',
    'one administrator alone makes no other',
    administrators('the first time somebody of the group is administrator waits'),
    administrators('nobody says yes to themselves'),
    administrators('any administrator takes a yes back'),
    administrators('the database takes no yes of one’s own'),
  ),
  met('V9', 'nothing edits the database generically; what is written for good cannot be changed'),
  met('V10', 'no administrator of the gate gets round its approvals'),
  met(
    'V11',
    'bubblewrap, podman, an account a build, or nothing',
    build('run-build.test.ts: a build gives the same bytes in every mode'),
  ),
  met(
    'V12',
    'podman without root, in a line',
    'services/runner/src/processes/selftest.test.ts: the self-test holds for an ordinary user',
    'services/runner/src/processes/selftest.test.ts: without its line an ordinary user is told which',
  ),
  met(
    'V13',
    'a catalogue of images a pool, by glob and digest',
    build('isolation/catalogue.test.ts: an image that is not listed is refused'),
    e2e('catalogue.test.ts: a build of an image that is not listed fails, and runs when'),
  ),
  met(
    'V14',
    'a setting that an isolation cannot keep is refused by name',
    pool('settings that the isolation could not keep are refused by field'),
  ),
  met(
    'V15',
    'a runner does not start while its builds could read its key',
    escape('a builder does not start while the account of its builds can read its key'),
  ),
  met(
    'V16',
    'secrets made at set-up, shown by fingerprint, never overwritten',
    'packages/cli/src/setup/installation-secrets.test.ts: V16: every key and password',
    'packages/cli/src/setup/installation-secrets.test.ts: V16: what is there is not written over',
    'packages/cli/src/setup/installation-secrets.test.ts: V16: the verb shows fingerprints',
  ),
  met(
    'V17',
    'the key of keys is a file’s or Vault’s, by one interface',
    'packages/envelope/src/key-file-kek.test.ts: a new file is the current version at once',
    'packages/envelope/src/transit-client.test.ts: a login serves many requests',
  ),
  not(
    'V18',
    'an installation an organisation, sharing nothing',
    'no systemd templates and no check across instances',
  ),
  met(
    'V19',
    'keys and secrets lie encrypted; runners have none of the keys',
    e2e('secrets.test.ts: a value that was set is in no table'),
  ),
  met(
    'V20',
    'a key with a passphrase is used through an agent of the build',
    build('ssh-agent.test.ts: a step signs with a key whose passphrase it does not know'),
    build('ssh-agent.test.ts: the agent is gone when it is stopped'),
  ),
  met(
    'V21',
    'builds cannot read the key in the runner',
    escape('finds in a sandbox of bubblewrap what its golden file says'),
  ),
  met(
    'V22',
    'runners know no database and no Redis',
    'tests/architecture/walls.test.ts: no import crosses a wall',
  ),
  met(
    'V23',
    'hardened isolation: namespaces, read-only root, seccomp, no new privileges',
    escape('finds in a sandbox of bubblewrap what its golden file says'),
  ),
  met(
    'V24',
    'a pipeline chooses among granted pools and opens none',
    pool('a pool that was not granted is refused by name'),
  ),
  met('V25', 'only its processes sign in to the database'),
  not(
    'V26',
    'firewall, pg_hba and Redis rules made from one configuration',
    'none are made for pg_hba and Redis',
  ),
  met('V27', 'a database administrator reads ciphertext', secrets('a row that is moved to')),
  not('V28', 'a backup without the keys; the keys in shares', 'no backup and no escrow'),
  met(
    'V29',
    'variables are public, secrets are not, and what looks like one is refused as the other',
    nonprod('http/variables.integration.test.ts: what looks like a secret is refused'),
    nonprod('domain/looks-secret.test.ts: what builds are set with every day'),
  ),
  met(
    'V30',
    'sets of variables with a known precedence',
    nonprod('domain/variable.test.ts: a repository’s own value hides'),
    nonprod('app/poll-repository.integration.test.ts: runs are given the variables'),
  ),
  met('V31', 'no secret leaves in a kept file'),
  met('V32', 'what is served asks who comes, and serves nothing beside it'),
  met(
    'V33',
    'one build cannot write another’s files',
    isolation('at the same time see nothing of one another'),
  ),
  met(
    'V34',
    'caches are by content and never written upwards',
    nonprod('app/keep-caches.integration.test.ts: a stranger’s run writes nothing that main reads'),
    nonprod('app/keep-caches.integration.test.ts: an entry is written once'),
  ),
  met(
    'V35',
    'quotas and a fair share for thousands of people',
    nonprod('adapters/postgres/quota-store.integration.test.ts: of 3,000 people each waits behind'),
    nonprod('adapters/postgres/quota-store.integration.test.ts: a person’s hour is over all'),
    nonprod('app/release-run.integration.test.ts: released runs beyond those at once wait'),
  ),
  met(
    'V36',
    'who adds a repository reads what that opens',
    nonprod('http/pages.integration.test.ts: the page of repositories says what a new one unlocks'),
    pool('a new repository has pools of trust 0 and no others'),
  ),
  met(
    'V37',
    'verbs on nouns, each for groups alone',
    nonprod('domain/group-required.test.ts: an empty list lets nobody'),
    nonprod('http/pages.integration.test.ts: groupRequired takes a verb from everybody'),
  ),
  met(
    'V38',
    'a group may start what it may not change',
    nonprod('http/pages.integration.test.ts: a launch group starts what it may not change'),
  ),
  met(
    'V39',
    'mirrors of packages, and what a lockfile changes',
    build('isolation/bubblewrap.test.ts: tells package managers of the mirrors that the pool has'),
    'services/prod-gate/src/app/read-delta.test.ts: packages, migrations and owners of a release',
  ),
  met(
    'V40',
    'a bad dependency reaches nobody',
    proxy('what is not listed is refused'),
    proxy('what a sandbox says and sends is shown, in every part of a request'),
    'services/runner/src/bait-watch.test.ts: a bait is seen in any form',
    watched('a run whose bait was seen is not asked for'),
  ),
  met(
    'V41',
    'builds reach what is listed for their pool, and it is written down',
    build('isolation/bubblewrap.test.ts: leads nowhere else'),
    proxy('what went through is counted'),
  ),
  met(
    'V42',
    'HTTPS by itself or behind a proxy that is named',
    listening('pages come by HTTPS'),
    'packages/web/src/proxies.integration.test.ts: our sample for',
  ),
  met(
    'V43',
    'nothing else listens on the gate’s machine',
    'packages/cli/src/doctor/hardening.test.ts: B67: what the kernel lists',
  ),
  met(
    'V44',
    'works below any path',
    'tests/e2e/below.test.ts: below a path dana signs in',
    'packages/web/src/below.test.ts: inside there is no path',
  ),
  met(
    'VR1',
    'ownership and launch groups',
    nonprod('domain/ownership.test.ts: a refusal names the groups'),
  ),
  not(
    'VR2',
    'launch forms with types, as environment and never as code',
    'promotions have no parameters',
    'packages/pipeline/src/launch-file.test.ts: an answer that a shell would act on stays the text',
  ),
  met(
    'VR3',
    'schedules with a threshold',
    sources('a schedule asks for one run when its time has come'),
    sources('a branch that was built within the threshold'),
  ),
  met(
    'VR4',
    'stages, and going on from the one that failed',
    nonprod(
      'app/poll-repository.integration.test.ts: a retry of what did not pass keeps what passed',
    ),
  ),
  met(
    'VR5',
    'outputs of a step as a file',
    build('run-workflow.test.ts: what a step writes as its outputs is given to those behind it'),
  ),
  met(
    'VR6',
    'repositories found at the forge',
    nonprod('http/found.integration.test.ts: what the forge lists is found'),
    nonprod('http/found.integration.test.ts: a rule adds what fits, with no pool, no secret'),
    nonprod('http/found.integration.test.ts: renamed, archived and gone are shown'),
    nonprod('adapters/forge/list-repositories.test.ts: a limit is heeded until'),
    pool('no level, label or set of pools puts a run into a pool of higher trust'),
  ),
  met(
    'VR7',
    'newest build only, retention, wanted size of a pool',
    nonprod('adapters/postgres/figure-reader.integration.test.ts: a pool tells how many runners'),
    nonprod('app/poll-repository.integration.test.ts: what waits is cancelled by a new commit'),
    nonprod('http/pages.integration.test.ts: logs of a run stay beyond their time while'),
    nonprod('domain/pool-size.test.ts: a pool wants one runner for each job'),
    nonprod('domain/pool-size.test.ts: between its bounds the wanted number follows the queue'),
  ),
  met(
    'VR8',
    'runners of one job, started by what scales them',
    adversary('runners.test.ts: ten runners of one job each'),
    adversary('start-runners.test.ts: ten jobs wait, and the executor starts one-job runners'),
    nonprod('adapters/executor.test.ts: the order comes on standard input'),
    nonprod('app/start-runners.test.ts: a command that fails is called again with the same tokens'),
  ),
  met(
    'VR9',
    'notifications, and a time on each line',
    nonprod(
      'app/tell-runs.integration.test.ts: a run that passes is told of only when the one before it',
    ),
    nonprod('adapters/files/logs/log-files.test.ts: each line knows when it came'),
  ),
  met(
    'VR10',
    'webhooks are signed, fresh, taken once, and name whole refs',
    nonprod('domain/webhook/normalise.test.ts: ${provider} ${event} tells the full refs'),
  ),
  met(
    'VR11',
    'no shared agent, no open directories, no anonymous files',
    build('ssh-agent.test.ts: the agent is gone when it is stopped'),
    isolation('one after the other'),
  ),
  met(
    'VR12',
    'a lost runner’s job is given out again, once',
    nonprod('adapters/postgres/job-store.integration.test.ts: a heartbeat keeps the job'),
    nonprod('domain/job-lease.test.ts: a job whose runner is lost'),
  ),
  met(
    'VR13',
    'start, cancel and retry from the command line',
    'tests/e2e/runs.test.ts: a run is started, found in the list, cancelled',
  ),
];

const buildbot: readonly Row[] = [
  met(
    'B1',
    'a runner speaks for its own lease and asks nothing else',
    nonprod('http/runner-api.integration.test.ts: another runner cannot act on a job'),
  ),
  met(
    'B2',
    'both ends of each edge prove who they are',
    nonprod('http/runner-api.integration.test.ts: a certificate of another authority'),
    'packages/cli/src/setup/pki.test.ts: a client is known by the one URI',
  ),
  met(
    'B3',
    'own authorities: an offline root, and a retired certificate refused at once',
    registry('a runner that is enrolled again loses its certificate'),
  ),
  met(
    'B4',
    'TLS 1.3 and nothing older between processes',
    'packages/cli/src/doctor/hardening.test.ts: B4, B36, B68',
  ),
  met(
    'B5',
    'certificates renewed at half their life, without a stop',
    'services/runner/src/edge/stay-enrolled.test.ts: five renewals by a clock that jumps',
  ),
  met(
    'B6',
    'sample configurations, each loaded by a test',
    'tests/docs/samples.test.ts: B6: ${name} takes its sample',
    'tests/docs/samples.test.ts: B6: the samples of a host',
  ),
  met(
    'B7',
    'no passwords of runners: one token, once, for a quarter of an hour',
    registry('a token that is shown again is refused with 401'),
    registry('a token past its fifteen minutes is refused'),
  ),
  met(
    'B8',
    'a certificate a runner; a copy is found out',
    registry('two processes under one certificate'),
  ),
  met(
    'B9',
    'who is enrolled again leaves the old certificate',
    registry('a runner that is enrolled again loses its certificate'),
  ),
  met(
    'B10',
    'runners that were not seen are disabled',
    registry('who was not seen for thirty days is disabled'),
  ),
  met(
    'B11',
    'a listener for each kind of caller',
    e2e('listeners.test.ts: what does listen, listens on the address'),
  ),
  met(
    'B12',
    'firewall sets, and networks a runner',
    nonprod(
      'http/runner-networks.integration.test.ts: from its token on a runner is heard from its networks alone',
    ),
    nonprod('http/runner-networks.integration.test.ts: B12: who connects from another network'),
    'packages/cli/src/commands/firewall.integration.test.ts: B12: from another network than allowFrom names nobody reaches the port',
  ),
  not('B13', 'networks between build and production that do not route', 'no lab'),
  not('B14', 'the gate’s administration from a jump host alone', 'no separate listener for it'),
  met(
    'B15',
    'pools by trust; lower work never in a higher pool',
    pool('no level, label or set of pools puts a run into a pool of higher trust'),
  ),
  met(
    'B16',
    'builds have no privilege',
    escape('finds in a sandbox of bubblewrap what its golden file says'),
  ),
  met('B17', 'each build begins fresh', isolation('one after the other')),
  met(
    'B18',
    'memory, processes and disk have limits',
    'packages/sandbox/src/limits/limits.test.ts: memory: a hog is ended',
    'packages/sandbox/src/limits/limits.test.ts: processes: a fork bomb stops',
  ),
  met(
    'B19',
    'roles from the sign-in, and nothing by default',
    nonprod('domain/access.test.ts: groups are compared exactly'),
  ),
  met('B20', 'a directory a build'),
  met('B21', 'no way out that is not listed', proxy('what is not listed is refused')),
  met('B22', 'no socket of the machine inside'),
  met('B23', 'no setuid, no sudo, no mount inside'),
  met(
    'B24',
    'pull requests apart from main',
    pool('each level of trust goes to its own pool'),
    adversary('poisoned-pipelines.test.ts: direct: a pull request that rewrites'),
  ),
  met(
    'B25',
    'runners of strangers’ builds take one job',
    pool('in a pool of strangers runners take one job, unless it says why'),
    registry('a runner for one job that was not started for one job is turned away'),
    registry('a pool of one-job runners gives nothing to a runner that lasts'),
    adversary('runners.test.ts: ten runners of one job each'),
  ),
  met(
    'B26',
    'limits a build, and budgets a day',
    nonprod('app/release-run.integration.test.ts: beyond its budget of a day'),
  ),
  not(
    'B27',
    'suspicious builds are marked',
    'by log, hosts, limits and programs that the sandbox ended; calls answered with EPERM are seen where a tool says so and counted nowhere: bubblewrap sets its filter by prctl, which gives no listener, and what the kernel logs is for root',
    watched('a run that looks like a miner is not asked for until an owner'),
    watched('a log that cannot be looked at is suspicious'),
    watched('a run whose step the sandbox ended for a system call is not asked for'),
  ),
  met(
    'B28',
    'signing in through SAML, or a proxy that proves itself',
    bySignInProxy('whom the proxy names is signed in'),
    bySignInProxy('the right headers on any connection but the proxy’s'),
    bySignInProxy('on the proxy’s connection a header that is there twice'),
    bySignInProxy('a name in trailers is none'),
    bySignInProxy('a certificate that has ended'),
  ),
  met(
    'B29',
    'developer, platform, release manager, security, auditor',
    'services/prod-gate/src/http/roles.integration.test.ts: whatever changes something is one of these verbs',
    'services/prod-gate/src/domain/access.test.ts: security says no to any release, and neither approves',
  ),
  met(
    'B30',
    'each verb its own role',
    nonprod('domain/ownership.test.ts: who may start and edit what'),
  ),
  met(
    'B31',
    'tokens with scopes and an end; none approves',
    tokens('a token ends at its time'),
    tokens('a token is refused where its scope is missing'),
  ),
  met(
    'B32',
    'HTTPS on every page',
    listening('pages come by HTTPS'),
    listening('TLS 1.1 finds nobody'),
  ),
  met(
    'B33',
    'git is asked, whatever webhooks say',
    nonprod('app/poll-repository.integration.test.ts: every head that moves gets one run'),
  ),
  met(
    'B34',
    'nothing but HTTPS takes a token',
    listening('a token, a call of the API and a change by plain HTTP'),
  ),
  met('B35', 'HSTS', 'packages/cli/src/doctor/hardening.test.ts: what a proxy took away'),
  met('B36', 'certificates that are sound and do not end soon'),
  met('B37', 'http leads to https', listening('who reads a page by plain HTTP is led')),
  met(
    'B38',
    'webhooks of each forge are proven',
    relay('a forged webhook is refused and not kept'),
  ),
  met(
    'B39',
    'git may be read and not written',
    'packages/cli/src/doctor/hardening.test.ts: B39: a repository that may be pushed to',
  ),
  met('B40', 'filters of branches', 'packages/pipeline/src/condition.test.ts: when ${when}'),
  met(
    'B41',
    'what came from forges is listed, also what was refused',
    nonprod('http/webhook-intake.integration.test.ts: refusals are counted by the hour'),
  ),
  met(
    'B42',
    'nonprod’s Vault is for low values; the gate’s makes credentials for minutes',
    'packages/cli/src/vault/setup.test.ts: a delivery may read one credential',
  ),
  met(
    'B43',
    'a secret goes to the step that names it',
    build('run-workflow.test.ts: a secret reaches the one step that names it'),
  ),
  met('B44', 'secrets lie encrypted', e2e('secrets.test.ts: a value that was set is in no table')),
  met(
    'B45',
    'no secret stands in a configuration',
    e2e('wrong-input.test.ts: ${name}: an unknown key is named'),
    'packages/cli/src/doctor/hardening.test.ts: B45: a key file',
  ),
  met(
    'B46',
    'a role a process, with what it needs',
    e2e('doctor.test.ts: B46: a process that could make databases'),
    secrets('${role} reads no row of a secret'),
  ),
  met(
    'B47',
    'each credential has a time to be replaced',
    nonprod('domain/secret-filter.test.ts: a value is overdue'),
    'packages/process/src/credential-age.test.ts: a credential is overdue from the day on',
    e2e('credentials.test.ts: B47: a key that is too old is told'),
  ),
  met(
    'B48',
    'who reads a secret is written down',
    handout('who reads what is written down by name'),
  ),
  met(
    'B49',
    'secrets are masked in logs, in every form and across pieces',
    'packages/masking/src/masker.test.ts: a password is masked in ${form}',
    'packages/masking/src/masker.test.ts: the output is the definition’s, however the input is cut',
  ),
  not(
    'B50',
    'logs to a collector, through outages',
    'lines on standard output; a collector reads them',
  ),
  met(
    'B51',
    'logs are JSON by one schema',
    'packages/process/src/log.test.ts: a line has ECS names',
  ),
  not(
    'B52',
    'retention by kind, and holds',
    'logs of builds alone',
    nonprod('http/pages.integration.test.ts: logs of a run stay beyond their time'),
  ),
  not(
    'B53',
    'each act of an administrator is in a record that shows alteration',
    'the gate’s are; nonprod’s rows only grow, and whoever administers its database can take that away',
    'tests/adversary/configuration.test.ts: who ${what} gets nothing delivered',
    nonprod('http/acts.integration.test.ts: no row is changed or removed'),
  ),
  met(
    'B54',
    'configuration checked before it is used',
    'packages/cli/src/commands/config.test.ts: rules that people cannot meet together',
    'packages/cli/src/commands/config-check.test.ts: a directory without a fault has none told',
    e2e('wrong-input.test.ts: an unknown key inside a block is named'),
  ),
  met('B55', 'runners by API', e2e('runs.test.ts: every runner is in the API')),
  met(
    'B56',
    'logs followed from the command line',
    'tests/e2e/runs.test.ts: logs --follow prints lines while the step runs',
  ),
  met(
    'B57',
    'guessing is slowed, and told',
    'packages/web/src/saml/sign-in.integration.test.ts: one address that signs in too often',
  ),
  met(
    'B58',
    'what is unusual is flagged',
    nonprod('domain/watch/baseline.test.ts: of 200 normal builds none is unusual'),
    nonprod('domain/watch/baseline.test.ts: what was seeded into the same builds is unusual'),
    watched('what is usual is learned from the jobs before of the same pool'),
  ),
  met(
    'B59',
    'the configuration’s digest everywhere',
    e2e('config-digest.test.ts: B59: every line of every process names its configuration'),
    e2e('config-digest.test.ts: B59: config diff tells what differs'),
  ),
  met(
    'B60',
    'health and queue as figures',
    e2e('figures.test.ts: B60: every alert asks for figures that are told'),
    nonprod('adapters/postgres/figure-reader.integration.test.ts: a pool tells how many runners'),
    e2e('figures.test.ts: both services tell figures'),
  ),
  not('B61', 'runbooks that tests execute', 'docs/operations is for reading'),
  met(
    'B62',
    'a runner that is not trusted is cut off, and what it built is doubted',
    registry('quarantine: connections cut'),
    registry('a candidate of a quarantined runner'),
  ),
  not('B63', 'everything replaced at once in an emergency', 'by hand, one command each'),
  not('B64', 'backup and restore', 'not built'),
  met(
    'B65',
    'a version with commit and digest',
    e2e('version.test.ts: B65: every process of the pair says version'),
    e2e('version.test.ts: B65: both services tell their build'),
  ),
  not('B66', 'the configuration explained for its security', 'not built'),
  met(
    'B67',
    'what listens on this machine',
    'packages/cli/src/doctor/hardening.test.ts: B67: what the kernel lists',
  ),
  met(
    'B68',
    'what a listener speaks, tried',
    'packages/cli/src/doctor/hardening.test.ts: B4, B36, B68',
  ),
  met(
    'B69',
    'recent runs by API, so many',
    'tests/e2e/runs.test.ts: a run is started, found in the list',
  ),
  met(
    'B70',
    'release notes, and the OWASP list by check',
    'packages/cli/src/commands/doctor.test.ts: B70: each of OWASP’s ten risks',
    'packages/cli/src/commands/doctor.test.ts: B70: airlock doctor --framework',
  ),
];

const others: readonly Row[] = [
  met(
    'W1',
    'each push on each platform',
    'packages/pipeline/src/compile.test.ts: a matrix is a workflow for each combination',
    e2e('platforms.test.ts: one push is checked on two platforms with nobody’s help'),
    e2e('platforms.test.ts: a platform without a runner says so on the run’s page'),
    nonprod('http/runner-registry.integration.test.ts: a pool for one platform turns away'),
  ),
  met(
    'W2',
    'the process with credentials listens nowhere',
    e2e(
      'listeners.test.ts: intake, authority, deliverer, watchdog, signer, runner and scheduler listen on no network',
    ),
  ),
  not(
    'W3',
    'one file a service, and nothing else needed',
    'bundles beside node_modules’ native parts; not run in an empty root',
  ),
  not('W4', 'a root of its own a service', 'no units'),
  not('W5', 'a user of its own a process, without capabilities', 'the demo has one user'),
  not('W6', 'SELinux and AppArmor', 'neither'),
  met(
    'W7',
    'a subverted server cannot make runners build forever',
    nonprod('domain/budget.test.ts: below its budget'),
    adversary('runners.test.ts: a runner builds a repository no more often'),
    'services/runner/src/day-budget.test.ts: a build may take no longer than is left',
    'services/runner/src/airlock-runner.test.ts: a runner that is not told how much of a day it gives',
  ),
  not('W8', 'the policy is checked where it is kept', 'as W6'),
  met(
    'M1',
    'who used how much',
    nonprod('adapters/postgres/usage-store.integration.test.ts: however jobs end'),
    nonprod('http/cli.integration.test.ts: usage: a private repository is in no list'),
  ),
  met(
    'M2',
    'proven parts and no cryptography of its own',
    'tests/architecture/walls.test.ts: the gate depends on what is listed here',
  ),
  met(
    'M3',
    'no accounts of its own; people by what does not change',
    people('an account that is renamed stays the same'),
    people('Bitbucket’s accounts are known by uuid'),
  ),
  met(
    'M4',
    'keys and parameters are encrypted, and opened for who may',
    e2e('secrets.test.ts: a value that was set is in no table'),
  ),
  met(
    'M5',
    'nothing secret in events',
    adversary('build-secrets.test.ts: a secret goes through a run that prints it'),
  ),
  met(
    'M6',
    'the key of keys stays with a keeper',
    'packages/envelope/src/once-proven.test.ts: a keeper that ignores the context wraps nothing',
    'packages/envelope/src/dek-cache.test.ts: a key is asked for once in five minutes',
  ),
  met(
    'M7',
    'a stolen envelope or a stolen lease alone opens nothing',
    handout('a stolen lease without the runner’s certificate is given nothing'),
    handout('a stolen answer does not open without the runner’s own key'),
  ),
  met(
    'M8',
    'opened in the runner alone, and never an argument',
    adversary('build-secrets.test.ts: a secret goes through a run that prints it'),
  ),
  met('M9', 'fetched once a step', handout('a step is given the secrets that it names, once')),
  met(
    'M10',
    'a value is bound to its place',
    secrets('a row that is moved to'),
    'packages/envelope/src/seal.test.ts: two places have the same context only when',
  ),
  met(
    'M11',
    'equal values look different, and lengths are not told',
    'packages/envelope/src/seal.test.ts: a thousand seals of one value are a thousand different',
    'packages/envelope/src/seal.test.ts: of values up to 63 bytes none can be told from another',
  ),
  met(
    'M12',
    'lint warns of secrets that are printed',
    'packages/pipeline/src/echoed-secrets.test.ts: a step that has no secret is not warned of what it prints',
    'packages/pipeline/src/echoed-secrets.test.ts: what follows a here-document is looked at',
    'packages/pipeline/src/echoed-secrets.test.ts: of many secrets three are named',
  ),
  met(
    'M13',
    'documents that lead to where they are edited',
    e2e('manual.test.ts: M13: each site has the manual of its own version'),
    'tests/docs/manual.test.ts: M13: the address where a page is edited is made of its file',
  ),
  met(
    'MR1',
    'what a step is given cannot be asked for with a token',
    handout('a stolen lease without the runner’s certificate'),
  ),
  met(
    'MR2',
    'secrets by labels of projects',
    handout('another repository is given a secret when it has every label'),
    nonprod('domain/labels.test.ts: one of two labels is not enough'),
  ),
  met(
    'MR3',
    'a workflow runs here as it runs there',
    'packages/cli/src/commands/exec.test.ts: runs the pipeline of a clean work tree',
  ),
  not('J1', 'outdated versions are known', 'no feed'),
  met(
    'J2',
    'a page of what a pipeline can reach',
    e2e('reach.test.ts: what a pipeline can reach stands on one page'),
    nonprod('domain/reach.test.ts: a push to main is the only run that may be promoted'),
    nonprod('domain/reach.test.ts: a secret stands where a run can read it'),
  ),
  met(
    'J3',
    'two services that share nothing',
    'packages/cli/src/doctor/hardening.test.ts: J3: a key, a database',
    'tests/e2e/doctor.test.ts: J3: the two services of the pair share nothing',
  ),
  met(
    'J4',
    'the gate has no code that builds',
    'tests/architecture/walls.test.ts: the bundle of the gate was made without any file of nonprod',
  ),
  not('J5', 'networks apart, scopes small', 'as B13'),
  met(
    'J6',
    'what nonprod keeps is worth little, and the gate compares',
    e2e('secrets.test.ts: a password of the gate that nonprod keeps too'),
  ),
  met(
    'J7',
    'production’s credentials are a target’s and a delivery’s',
    'packages/cli/src/vault/setup.test.ts: a delivery may read one credential',
  ),
  met(
    'J8',
    'nothing but main is delivered',
    adversary('builds-that-are-not-main.test.ts: a branch signed as main'),
    adversary('source-control.test.ts: a rewritten main freezes'),
  ),
  not('J9', 'each control is checked twice', 'mutation of the kernel alone'),
  not('J10', 'production’s CI is not routed to', 'as B13'),
  met(
    'J11',
    'credentials for a step, never as parameters',
    build('run-workflow.test.ts: a secret reaches the one step that names it'),
  ),
  met(
    'J12',
    'a credential for a delivery, gone after, wherever it is killed',
    'tests/faults/deliverer-killed.test.ts: killed at ${failpoint}',
  ),
  met(
    'J13',
    'an inventory of what matters most',
    'packages/cli/src/inventory/inventory.test.ts: J13: every key, password and root of trust',
    'packages/cli/src/inventory/inventory.test.ts: J13: what others could read',
    e2e('doctor.test.ts: J13: nothing that leads into production lies open'),
  ),
  met(
    'J14',
    'scanners find nothing',
    'packages/web/src/server.integration.test.ts: by no method and in no form',
    'packages/cli/src/drills/drill.test.ts: a scan names the one address',
    'packages/web/src/listen-wall.test.ts: whoever shows no certificate of the named authorities',
    'packages/web/src/listen-wall.test.ts: a connection from outside the named networks',
  ),
  met(
    'J15',
    'where it came from, and what changes',
    e2e('evidence.test.ts: evidence of a delivery verifies without a network'),
    adversary('two-builders.test.ts: two builders: what an implant'),
  ),
  met(
    'J16',
    'root on nonprod ships nothing that is not main’s and approved',
    adversary('replayed-bundle.test.ts: with all four stolen keys'),
  ),
  met(
    'J17',
    'developers own what is left of the line, a quorum what is right',
    adversary('configuration.test.ts: who ${what} gets nothing delivered'),
  ),
  met(
    'J18',
    'a bad release goes back by itself',
    'services/prod-gate/src/app/delivery-stages.integration.test.ts: is live only after it was well for the whole time',
  ),
];

export const rows: readonly Row[] = [...vespene, ...buildbot, ...others];
