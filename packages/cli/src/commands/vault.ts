/** `airlock vault`: what Vault must know before the first delivery, and whether it still does. */
import { Option, type Command } from 'commander';
import { administratorsOption, directoryOption } from '../configuration/places.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';
import { readPublicKey } from '../setup/key-files.ts';
import { writeVaultSetup } from '../vault/apply.ts';
import { printableBody } from '../vault/call.ts';
import { checkVaultSetup, type Finding } from '../vault/check.ts';
import { compareVaultSetup, type ComparedCall } from '../vault/compare.ts';
import { onVault, readText, signedTargets, vaultOf } from '../vault/given.ts';
import type { VaultAccess } from '../vault/http.ts';
import { manualSteps } from '../vault/manual-steps.ts';
import { productionPostgresSetup } from '../vault/postgres.ts';
import { issueReaperSecretFiles } from '../vault/reaper-secret.ts';
import { planVaultSetup, type VaultSetup } from '../vault/setup.ts';
import { comparedLines, findingLines, planLines } from '../vault/tell.ts';

type Given = {
  target: readonly string[];
  directory: string;
  administrators: string;
  issuer: string;
  authorityKey: readonly string[];
  databaseConnection: ReadonlyMap<string, string>;
  gateCidr: readonly string[];
  reaper: 'approle' | 'cert';
  reaperRole: string;
  reaperCert?: string;
  reaperUri?: string;
  tokenFile?: string;
  output: 'text' | 'json';
};

/** @param environment names Vault: VAULT_ADDR, VAULT_TOKEN, VAULT_CACERT. */
export function registerVault(
  program: Command,
  print: Print = toStdout,
  environment: NodeJS.ProcessEnv = process.env,
): void {
  const vault = program
    .command('vault')
    .description('prepare Vault or OpenBao for deliveries, and see that it still is as prepared');
  withSetup(vault.command('setup'))
    .description(
      'the API calls and policies that the signed target files need; compared where VAULT_ADDR says with what, made with --apply',
    )
    .option('--apply', 'make what is missing or differs, then check; a second run writes nothing')
    .option(
      '--rewrite-connections',
      'write database connections even where all that Vault shows is as planned: it shows no password',
    )
    .action(async (given: Given & { apply?: true; rewriteConnections?: true }) => {
      await runSetup(given, vaultOf(environment, given.tokenFile), print);
    });
  withSetup(vault.command('check'))
    .description(
      'whether Vault is as the signed target files need it; writes nothing; exit 5 for a fault',
    )
    .action(async (given: Given) => {
      const access = vaultOf(environment, given.tokenFile) ?? noAddress();
      const setup = await setupOf(given);
      tellFindings(await onVault(() => checkVaultSetup(access, setup)), given.output, print);
    });
  vault
    .command('database-sql')
    .description(
      'SQL for psql, as a superuser of the production database: the login of Vault and the two functions by which it makes and drops logins',
    )
    .requiredOption('--database <name>', 'the production database')
    .requiredOption('--vault-login <name>', 'login of Vault itself, such as vault_shop')
    .requiredOption('--app-owner <name>', 'role that owns the application’s tables')
    .action(async (given: { database: string; vaultLogin: string; appOwner: string }) => {
      const statements = await onVault(() =>
        productionPostgresSetup({
          database: given.database,
          vaultAdmin: given.vaultLogin,
          appOwner: given.appOwner,
        }),
      );
      print([
        '\\set ON_ERROR_STOP on',
        ...statements.map((statement) => `${statement};`),
        // psql asks for it and sends a hash: the password stands in no file and no log.
        `\\password ${given.vaultLogin}`,
      ]);
    });
  vault
    .command('issue-reaper-secret')
    .description('a new secret id for the watchdog, with its role id, as files of mode 0600')
    .requiredOption('--to <directory>', 'where to write role-id and secret-id')
    .option('--reaper-role <name>', 'name of the AppRole', 'reaper')
    .option(
      '--wrapped',
      'write wrapped-secret-id instead: a token that gives the secret id once, to the watchdog',
    )
    .option('--wrap-for <seconds>', 'how long that token waits for the watchdog', '60')
    .option('--end-others', 'destroy every earlier secret id of the role')
    .option('--token-file <file>', 'token to ask Vault with, instead of VAULT_TOKEN')
    .action(
      async (given: {
        to: string;
        reaperRole: string;
        wrapped?: true;
        wrapFor: string;
        endOthers?: true;
        tokenFile?: string;
      }) => {
        const access = vaultOf(environment, given.tokenFile) ?? noAddress();
        print(
          await onVault(() =>
            issueReaperSecretFiles({
              access,
              directory: given.to,
              roleName: given.reaperRole,
              wrapSeconds: given.wrapped === true ? secondsOf(given.wrapFor) : null,
              endsOthers: given.endOthers === true,
            }),
          ),
        );
      },
    );
}

function withSetup(command: Command): Command {
  const collect = (text: string, list: readonly string[] | undefined): readonly string[] => [
    ...(list ?? []),
    text,
  ];
  return command
    .addOption(
      new Option('--target <name>', 'one target, repeatable')
        .argParser(collect)
        .default([], 'all that are signed'),
    )
    .addOption(directoryOption())
    .addOption(administratorsOption())
    .requiredOption('--issuer <url>', 'iss of the authority’s JWTs, as in its configuration')
    .addOption(
      new Option(
        '--authority-key <file>',
        'public key of the authority, PEM; twice while one replaces the other',
      )
        .argParser(collect)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--database-connection <target/as=file>',
        'how Vault reaches a database: YAML with host, port, database, username, password and appOwner, mode 0600; once for each',
      )
        .argParser(connectionIn)
        .default(new Map(), 'none'),
    )
    .addOption(
      new Option('--gate-cidr <network>', 'tokens work from here alone, such as 10.0.0.7/32')
        .argParser(collect)
        .default([], 'from anywhere'),
    )
    .addOption(
      new Option('--reaper <how>', 'how the watchdog logs in')
        .choices(['approle', 'cert'])
        .default('approle'),
    )
    .option('--reaper-role <name>', 'name of its role; its policy is airlock-<name>', 'reaper')
    .option('--reaper-cert <file>', 'its certificate, or that of the authority that signs it')
    .option('--reaper-uri <uri>', 'the URI that a certificate of that authority must name')
    .option('--token-file <file>', 'token to ask Vault with, instead of VAULT_TOKEN')
    .addOption(
      new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'),
    );
}

async function runSetup(
  given: Given & { apply?: true; rewriteConnections?: true },
  access: VaultAccess | null,
  print: Print,
): Promise<void> {
  if (access === null && given.apply === true) noAddress();
  const setup = await setupOf(given);
  const calls = await onVault(() => planVaultSetup(setup));
  const manual = manualSteps(setup.targets);
  if (access === null) {
    if (given.output === 'json')
      print([
        asJson(
          calls.map((call) => ({ call })),
          manual,
        ),
      ]);
    else print(planLines(calls, manual));
    return;
  }
  const compared = await onVault(() => compareVaultSetup(access, calls));
  const rewriteSecrets = given.rewriteConnections === true;
  if (given.output === 'text') print(comparedLines(compared, rewriteSecrets));
  if (given.apply !== true) {
    if (given.output === 'json') print([asJson(compared, manual)]);
    else print(['', 'nothing was written; --apply makes what is new or differs']);
    return;
  }
  await onVault(() => writeVaultSetup({ ...access, compared, rewriteSecrets }));
  await tellApplied({ access, setup, compared }, given.output, print);
}

async function tellApplied(
  { access, setup, compared }: { access: VaultAccess; setup: VaultSetup; compared: ComparedCall[] },
  output: Given['output'],
  print: Print,
): Promise<void> {
  const findings = await onVault(() => checkVaultSetup(access, setup));
  if (output === 'text') {
    print(['']);
    tellFindings(findings, output, print);
    return;
  }
  const calls: unknown = JSON.parse(asJson(compared, []));
  print([JSON.stringify({ applied: calls, findings }, null, 2)]);
  if (findings.some(({ result }) => result === 'fault')) process.exitCode = exitCode.failedCheck;
}

function tellFindings(findings: readonly Finding[], output: Given['output'], print: Print): void {
  const faults = findings.filter(({ result }) => result === 'fault').length;
  if (output === 'json') print([JSON.stringify({ findings }, null, 2)]);
  else {
    print([
      ...findingLines(findings),
      faults === 0 ? '✓ Vault is as the target files need it' : `${faults} to mend`,
    ]);
  }
  if (faults > 0) process.exitCode = exitCode.failedCheck;
}

function asJson(
  compared: readonly (Pick<ComparedCall, 'call'> & Partial<ComparedCall>)[],
  manual: ReturnType<typeof manualSteps>,
): string {
  const calls = compared.map(({ call, state, differences }) => ({
    what: call.what,
    method: call.method,
    path: call.path,
    body: printableBody(call),
    ...(call.incomplete === undefined ? {} : { incomplete: call.incomplete }),
    ...(state === undefined ? {} : { state, differences }),
  }));
  return JSON.stringify({ calls, manual: manual.map(({ what, how }) => ({ what, how })) }, null, 2);
}

async function setupOf(given: Given): Promise<VaultSetup> {
  const { chosen, others } = await signedTargets({
    directory: given.directory,
    administrators: given.administrators,
    names: given.target,
    connections: given.databaseConnection,
  });
  return {
    targets: chosen,
    otherTargets: others,
    reaper: { roleName: given.reaperRole, ...certificateOf(given) },
    issuer: given.issuer,
    authorityPublicKeyPem: given.authorityKey.map((file) => readPublicKey(file).publicKeyPem),
    gateCidrs: given.gateCidr,
  };
}

function certificateOf({ reaper, reaperCert: file, reaperUri: uri }: Given) {
  if (reaper === 'approle') {
    if (file === undefined && uri === undefined) return {};
    throw usage('--reaper-cert and --reaper-uri are for --reaper cert; leave them out, or give it');
  }
  if (file === undefined) throw usage('--reaper cert needs --reaper-cert FILE');
  const pem = readText('--reaper-cert', file);
  return { certificate: { pem, ...(uri === undefined ? {} : { uri }) } };
}

function connectionIn(
  text: string,
  known: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const [, name, file] = /^([^=/]+\/[^=/]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || file === undefined) {
    throw usage(
      `--database-connection ${text}: expected target/as=file, such as shop-prod-eu/db=db.yaml`,
    );
  }
  if (known.has(name)) throw usage(`--database-connection: ${name} is given twice; give it once`);
  return new Map([...known, [name, file]]);
}

function secondsOf(text: string): number {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds >= 10 && seconds <= 3600) return seconds;
  throw usage(`--wrap-for ${text}: give whole seconds, from 10 to 3600`);
}

function noAddress(): never {
  throw usage(
    'VAULT_ADDR is not set; set it to the address of Vault, such as https://vault.example:8200',
  );
}

function usage(message: string): CliError {
  return new CliError(exitCode.usage, message);
}
