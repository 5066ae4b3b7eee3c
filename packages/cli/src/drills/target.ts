/** The pair that is attacked, as its directory describes it: what an attacker finds out anyway, and the doors to try. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { CliError, exitCode } from '../exit-codes.ts';

const Web = z.looseObject({
  origin: z.string(),
  runnerApi: z.looseObject({ host: z.string(), port: z.int() }),
  runnerEdge: z.looseObject({ enrolment: z.looseObject({ url: z.string() }) }),
  repository: z.looseObject({ name: z.string(), url: z.string(), mainBranch: z.string() }),
  webhooks: z.array(z.looseObject({ provider: z.string(), secretFile: z.string() })),
});
const GateWeb = z.looseObject({
  origin: z.string(),
  files: z.looseObject({ directory: z.string() }),
});
const Runner = z.looseObject({
  workDirectory: z.string(),
  pool: z.string(),
  controlPlane: z.looseObject({ identityFile: z.string() }),
  budget: z.looseObject({ minutes: z.int(), file: z.string().optional() }),
});
const Database = z.looseObject({
  ...{ host: z.string(), port: z.int(), name: z.string(), user: z.string() },
  passwordFile: z.string(),
});
const WithDatabase = z.looseObject({ database: Database });
const Outbox = WithDatabase.extend({
  listener: z.looseObject({ host: z.string(), port: z.int() }),
  artifacts: z.looseObject({ directory: z.string() }),
});
const Deliverer = z.looseObject({ vault: z.looseObject({ address: z.string() }) });
const Signer = z.looseObject({
  keys: z.object({
    ...{ main: z.string(), pr: z.string(), test: z.string(), promotion: z.string() },
  }),
});

/** An account at the database server, as an attacker finds it in a file. */
export interface Account {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

export interface OwnedVault {
  readonly address: string;
  readonly rootToken: string;
  /** What its audit device writes. */
  readonly auditFile: string;
  /** Whose signatures the gate's configuration needs: it says where credentials come from. */
  readonly administrators: string;
}

export interface DrillTarget {
  /** Everything of the pair lies below it. */
  readonly directory: string;
  readonly nonprod: string;
  readonly gate: string;
  readonly runnerApi: string;
  readonly enrolment: string;
  readonly repository: {
    readonly name: string;
    readonly url: string;
    readonly bareDirectory: string;
    readonly main: string;
  };
  /** The forge's own secret: a drill signs with it what an honest forge would have signed. */
  readonly webhookSecret: string;
  readonly runnerWork: string;
  /** What the runner counts of its day, and how many minutes it has. */
  readonly runnerDay: { readonly file: string; readonly minutes: number };
  readonly pool: string;
  /** A target of the gate’s that promotions may be asked for. */
  readonly deliveryTarget: string;
  readonly gateConfig: string;
  /** What root on the non-prod side holds, and a database administrator of either side. */
  readonly owned: {
    readonly outbox: string;
    readonly artifactsDirectory: string;
    readonly signingKeyFiles: Readonly<Record<'main' | 'pr' | 'test' | 'promotion', string>>;
    /** Of nonprod's processes. */
    readonly accounts: readonly Account[];
    /** Of the gate's pages. */
    readonly gateWeb: Account;
    /** Of the server's superuser. */
    readonly superuser: Account;
    /** Of Vault's administrator; null where the pair uses one that others use too. */
    readonly vault: OwnedVault | null;
  };
}

/**
 * A pair that runs from this directory on this machine, as the demo does from `.demo`.
 *
 * @throws CliError `notAllowed` when none is described there. Drills push, build and set secrets: they are for a pair that
 *   nobody works with.
 */
export function drillTarget(directory: string): DrillTarget {
  const read = (name: string): unknown => {
    const file = join(directory, 'config', `${name}.yaml`);
    if (!existsSync(file)) {
      throw new CliError(
        exitCode.notAllowed,
        `no pair runs from ${directory} (${file} is missing); start one with npm run demo, or name its directory with --pair`,
      );
    }
    return parse(readFileSync(file, 'utf8'), { maxAliasCount: 0 });
  };
  const web = Web.parse(read('nonprod-web'));
  const runner = Runner.parse(read('runner'));
  const hook = web.webhooks.find(({ provider }) => provider === 'github');
  if (hook === undefined || !web.repository.url.startsWith('file:')) {
    throw new CliError(
      exitCode.notAllowed,
      'drills need the demo’s set-up: a repository on this machine and a webhook of github',
    );
  }
  const account = (content: unknown): Account => {
    const { database } = WithDatabase.parse(content);
    const { host, port, name, user, passwordFile } = database;
    return {
      host,
      port,
      database: name,
      user,
      password: readFileSync(passwordFile, 'utf8').trim(),
    };
  };
  const outbox = Outbox.parse(read('nonprod-outbox'));
  const gateWeb = read('gate-web');
  const { origin: gate, files: gateFiles } = GateWeb.parse(gateWeb);
  const [targetFile = ''] = readdirSync(join(gateFiles.directory, 'targets'));
  const accounts = [account(web), account(read('nonprod-scheduler')), account(outbox)];
  const vaultToken = join(directory, 'keys/vault-root-token');
  return {
    directory: resolve(directory),
    nonprod: web.origin,
    gate,
    runnerApi: `https://${web.runnerApi.host}:${web.runnerApi.port}`,
    enrolment: web.runnerEdge.enrolment.url,
    repository: {
      name: web.repository.name,
      url: web.repository.url,
      bareDirectory: fileURLToPath(web.repository.url),
      main: web.repository.mainBranch,
    },
    webhookSecret: readFileSync(hook.secretFile, 'utf8').trim(),
    runnerWork: runner.workDirectory,
    runnerDay: {
      file:
        runner.budget.file ?? join(dirname(runner.controlPlane.identityFile), 'built-today.json'),
      minutes: runner.budget.minutes,
    },
    pool: runner.pool,
    deliveryTarget: basename(targetFile, '.yaml'),
    gateConfig: gateFiles.directory,
    owned: {
      outbox: `https://${outbox.listener.host}:${outbox.listener.port}`,
      artifactsDirectory: outbox.artifacts.directory,
      signingKeyFiles: Signer.parse(read('signer')).keys,
      ...{ accounts, gateWeb: account(gateWeb) },
      superuser: {
        ...account(gateWeb),
        user: 'airlock',
        password: readFileSync(join(directory, 'postgres/password'), 'utf8').trim(),
      },
      vault: existsSync(vaultToken)
        ? {
            address: Deliverer.parse(read('gate-deliverer')).vault.address,
            rootToken: readFileSync(vaultToken, 'utf8').trim(),
            auditFile: join(directory, 'logs/vault-audit.log'),
            administrators: join(directory, 'config/administrators.json'),
          }
        : null,
    },
  };
}
