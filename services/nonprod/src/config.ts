/** Configuration of nonprod's three processes. The descriptions are the manual. */
import { z } from 'zod';
import { Name } from '@airlock/common/wire/scalars';
import { PoolReuse } from './domain/pool.ts';
import { FiguresListen, SecurityContact, WebListen } from '@airlock/web/listen-settings';
import { ManualSettings } from '@airlock/web/manual';
import { SamlSettings } from '@airlock/web/saml/settings';
import { ArtifactsSettings } from '@airlock/artifacts/settings';
import { KeeperSettings } from '@airlock/envelope/settings';
import { NotifySettings } from '@airlock/notify/settings';
import { RotateEvery } from '@airlock/process/credential-age';
import { FilePath } from '@airlock/process/config';
import { MachineListener } from '@airlock/process/machine-server';
import { DatabaseSettings, RedisSettings } from '@airlock/process/settings';
import { RunnerEdgeSettings } from './runner-config.ts';
import { CacheSettings } from './cache-config.ts';
import { LogSettings } from './config-logs.ts';
import { AccountLinks, GroupNames, GroupRequiredSettings } from './people-config.ts';
import { Organisations } from './organisation-config.ts';
import { QuotaSettings } from './quota-config.ts';
import { requireOneSignIn, SignInSettings } from './sign-in-config.ts';
import { AddedRepositories, Forges, RepositoryProvider, webhookSettings } from './source-config.ts';

const Origin = z
  .string()
  .regex(
    /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?(\/[a-z0-9_-]+)*$/,
    'expected http(s)://host[:port], with a path of small letters where it lies below one, and no slash at its end',
  )
  .describe(
    'Address at which people see this service; it may lie below a path of its host. It stands in signed statements (invocationId), so the same value goes into web and scheduler. Example: https://ci.example, https://tools.example/ci.',
  );

const Repository = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/)
      .describe('Name shown on pages, such as shop/web.'),
    url: z
      .string()
      .min(1)
      .max(1024)
      .describe(
        'Identity of the repository in signed statements: exactly the URL that the gate’s target file admits.',
      ),
    mainBranch: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$/)
      .default('main')
      .describe('Branch whose builds can be promoted. Default main.'),
    provider: RepositoryProvider,
  })
  .describe('The repository that is built.');

const MaxArtifactBytes = z
  .int()
  .min(1)
  .max(16 * 1024 ** 3)
  .default(512 * 1024 ** 2)
  .describe(
    'Largest artifact that is kept, in bytes (1 to 16 GiB); the same in web and scheduler. Default 512 MiB.',
  );

export const WebConfig = z
  .strictObject({
    origin: Origin,
    listen: WebListen,
    securityContact: SecurityContact,
    figures: FiguresListen,
    rotateEvery: RotateEvery,
    runnerApi: MachineListener.describe(
      'Listener for runners: TLS 1.3, mutual; its certificate carries airlock:nonprod:runner-api.',
    ),
    runnerEdge: RunnerEdgeSettings,
    database: DatabaseSettings.describe('Database, as role nonprod_web.'),
    redis: RedisSettings,
    repository: Repository,
    mirrorDirectory: FilePath.describe('The scheduler’s git mirror; read only here.'),
    repositories: AddedRepositories,
    artifacts: ArtifactsSettings,
    logs: LogSettings,
    caches: CacheSettings,
    assetsDirectory: FilePath.describe('Built style sheets and scripts (dist/assets).'),
    manual: ManualSettings,
    saml: SamlSettings.nullable()
      .default(null)
      .describe('Signing in by SAML. Default null: by signIn.proxy alone.'),
    signIn: SignInSettings,
    groups: z
      .record(z.string().min(1).max(255), z.enum(['developer', 'platform']))
      .describe(
        'Role by group name exactly as the identity provider sends it. developer: may ask for promotions and start held runs. platform: may set and erase secrets. Everybody who can sign in may look.',
      ),
    firstAdministrators: z
      .array(z.string().min(1).max(255))
      .max(20)
      .default([])
      .describe(
        'Names, exactly as whoever signs people in gives them, of members of a platform group who become administrator without another’s yes. Everybody else needs one the first time. Default none.',
      ),
    accountLinks: AccountLinks,
    groupRequired: GroupRequiredSettings,
    ...webhookSettings,
    leaseSeconds: z
      .int()
      .min(2)
      .max(900)
      .default(60)
      .describe(
        'How long a job stays with a runner that sends no heartbeat, in seconds (2-900). Default 60.',
      ),
    jobTimeoutSeconds: z
      .int()
      .min(10)
      .max(86_400)
      .default(3600)
      .describe(
        'How long all steps of a run may take together, in seconds (10-86400). Default 3600.',
      ),
    maxArtifactBytes: MaxArtifactBytes,
    secrets: z
      .strictObject({
        keeper: KeeperSettings,
        socketPath: FilePath.describe(
          'Unix socket at which the outbox process asks for marks of the secrets, on the gate’s behalf.',
        ),
        socketMode: z
          .enum(['0600', '0660'])
          .default('0600')
          .describe(
            'Mode of that socket: 0600 where web and outbox are one user (the demo), 0660 where they are two of one group. Default 0600.',
          ),
      })
      .nullable()
      .describe(
        'Low-value secrets of builds: who keeps the key that they lie under. null: this installation keeps none.',
      ),
  })
  .superRefine(requireOneSignIn);
export type WebConfig = z.infer<typeof WebConfig>;

export const SchedulerConfig = z.strictObject({
  origin: Origin,
  repository: Repository,
  owners: GroupNames.default([]).describe(
    'Groups that own the repository, names exactly as the identity provider sends them. Default none.',
  ),
  launchers: GroupNames.default([]).describe(
    'Groups that may look at the repository and start its runs, and change nothing. Default none.',
  ),
  git: z
    .strictObject({
      url: z.string().min(1).max(1024).describe('Where the repository is fetched from.'),
      mirrorDirectory: FilePath.describe('Bare mirror, kept by this process.'),
      protocols: z
        .array(z.enum(['https', 'ssh', 'file', 'http']))
        .min(1)
        .describe('Protocols that git may use; everything else is refused by git itself.'),
      pollSeconds: z
        .number()
        .min(0.2)
        .max(3600)
        .default(5)
        .describe(
          'How often the repository is looked at without a wake-up, in seconds (0.2-3600). Default 5.',
        ),
    })
    .describe('The mirror of every branch and pull request.'),
  forges: Forges,
  repositories: AddedRepositories,
  organisations: Organisations,
  database: DatabaseSettings.describe('Database, as role nonprod_scheduler.'),
  redis: RedisSettings,
  artifacts: ArtifactsSettings,
  signer: z
    .strictObject({ socketPath: FilePath.describe('Unix socket of the signer.') })
    .describe('Who signs; this process holds no key.'),
  pools: z
    .strictObject({
      main: Name.default('default').describe('Pool for runs of main. Default default.'),
      other: Name.default('default').describe(
        'Pool that strangers’ runs begin with. Give it another name than main, and other runners, to keep pull requests off the machines that build main. Its runners take one job and end. Default default.',
      ),
      reuse: PoolReuse.optional().describe(
        'Why runners of the pool other are used again after a stranger’s build, in a sentence that airlock doctor shows. Left out: they take one job and end.',
      ),
    })
    .default({ main: 'default', other: 'default' })
    .describe('Pools that are begun at the first start; from then on they are changed at /pools.'),
  pullRequests: z
    .enum(['run', 'hold'])
    .default('hold')
    .describe(
      'Pull requests of strangers. run: built at once, by the base branch’s files. hold: each waits until a member releases it. Default hold.',
    ),
  firstSight: z
    .enum(['main', 'all'])
    .default('main')
    .describe(
      'What is built when the repository is seen for the first time. main: the main branch; others from their next push on. all: every branch and pull request there is, old ones too. Default main.',
    ),
  maxArtifactBytes: MaxArtifactBytes,
  quotas: QuotaSettings,
  notify: NotifySettings.nullable()
    .default(null)
    .describe('How people are told what became of runs. Default null: nobody is told.'),
  sweepSeconds: z
    .number()
    .min(0.2)
    .max(60)
    .default(2)
    .describe(
      'How often lost runners, passed runs and asked promotions are looked for without a wake-up, in seconds (0.2-60). Default 2.',
    ),
});
export type SchedulerConfig = z.infer<typeof SchedulerConfig>;

export const OutboxConfig = z.strictObject({
  listener: MachineListener.describe(
    'Listener for the gate: TLS 1.3, mutual; its certificate carries airlock:nonprod:outbox, and only airlock:gate:intake may call.',
  ),
  database: DatabaseSettings.describe('Database, as role nonprod_outbox.'),
  artifacts: ArtifactsSettings,
  witness: z
    .strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9./_-]{0,127}$/, 'expected a name without spaces and +')
        .describe(
          'Name of the witness and of its key, such as nonprod.example/witness. Never changes: verifiers pin it.',
        ),
      keyFile: FilePath.describe(
        'Ed25519 private key (PKCS #8 PEM) that cosigns checkpoints and nothing else, mode 0600.',
      ),
      ledgerKeyFile: FilePath.describe(
        'ledger.vkey of the gate, one line: the only log that is cosigned. Brought here by people, not fetched.',
      ),
    })
    .describe('This side is the first witness of the gate’s ledger: it remembers the tree it saw.'),
  secrets: z
    .strictObject({ socketPath: FilePath.describe('secrets.socketPath of the web process.') })
    .nullable()
    .describe(
      'Where the gate’s question which secrets are kept here is asked further. null: the web process keeps none.',
    ),
});
export type OutboxConfig = z.infer<typeof OutboxConfig>;
