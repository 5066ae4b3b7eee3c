/** `airlock audit vault`: what Vault gave out against what the ledger says was given out. Asks nobody: files only. */
import type { VaultAuditReport } from '@airlock/verify/vault-audit/compare';
import type { VaultPlace } from '@airlock/verify/vault-audit/places';
import { Option, type Command } from 'commander';
import { administratorsOption } from '../configuration/places.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { registerAuditActs } from './audit-acts.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { auditVault, signedPlaces } from '../vault-audit.ts';

type Options = {
  ledger: string;
  key: string;
  config?: string;
  administrators: string;
  mount: readonly VaultPlace[];
  from?: Date;
  to?: Date;
  skew: number;
  output: 'table' | 'json';
};

/** More than anybody reads; the JSON has them all. */
const mostShown = 50;

export function registerAudit(program: Command, print: Print = toStdout): void {
  const audit = program
    .command('audit')
    .description('what was done: of Vault against the ledger, and of people at nonprod');
  registerAuditActs(audit, print);
  audit
    .command('vault')
    .argument(
      '<file...>',
      'files of one audit device of Vault or OpenBao, plain or gzipped, in any order; of every node',
    )
    .requiredOption('--ledger <source>', 'directory of an export, or the address of a gate')
    .requiredOption('--key <vkey>', 'verifier key of the log, or a file that holds it')
    .option(
      '--config <directory>',
      'signed configuration of the gate: its targets say where credentials come from',
    )
    .addOption(administratorsOption())
    .addOption(
      new Option(
        '--mount <target:path>',
        'a path without --config, such as shop-prod-eu:auth/jwt-prod-eu/login and shop-prod-eu:database/creds/shop-prod-eu; once for each',
      )
        .argParser((text: string, list: readonly VaultPlace[]) => [...list, placeIn(text)])
        .default([], 'none'),
    )
    .option('--from <time>', 'judge nothing before, such as 2026-11-22T10:00:00Z', timeIn)
    .option('--to <time>', 'judge nothing after', timeIn)
    .option(
      '--skew <seconds>',
      'how far the clocks of Vault and the gate may be apart',
      secondsIn,
      10,
    )
    .addOption(
      new Option('-o, --output <format>', 'table or json')
        .choices(['table', 'json'])
        .default('table'),
    )
    .description(
      'name every credential that Vault gave out and the ledger does not have, and the other way round; exit 0 none, 5 some',
    )
    .action(async (files: readonly string[], options: Options) => {
      const { config, administrators, mount, skew: skewSeconds, ...given } = options;
      const signed = config === undefined ? [] : await signedPlaces({ config, administrators });
      const report = await auditVault({
        ...given,
        files,
        places: [...mount, ...signed],
        skewSeconds,
      });
      print(options.output === 'json' ? [JSON.stringify(report, null, 2)] : linesOf(report));
      if (!report.whole) process.exitCode = exitCode.failedCheck;
    });
}

function linesOf(report: VaultAuditReport): string[] {
  const { window, lines, findings, notes } = report;
  const span =
    window === null
      ? ''
      : `, ${window.from.toISOString()} to ${window.to.toISOString()} by Vault's clock`;
  const more = findings.length - mostShown;
  return [
    `${lines.read} lines read${span}; ${lines.unreadable} unreadable`,
    `${report.logins} logins and ${report.credentials} credentials at the targets' paths; ${report.matched} of the credentials stand in the ledger as Vault gave them`,
    ...findings
      .slice(0, mostShown)
      .flatMap(({ code, at, where, text, path, remote, accessor, metadata }) => [
        `✗ ${code}  ${at?.toISOString() ?? ''}  ${safe(where)}`,
        `    ${safe(text)}`,
        ...(path === undefined
          ? []
          : [
              `    ${safe(path)} from ${safe(remote ?? '')}, accessor ${safe(accessor ?? 'none')}${tags(metadata ?? {})}`,
            ]),
      ]),
    ...(more > 0 ? [`… and ${more} more; -o json has them all`] : []),
    ...notes.slice(0, mostShown).map((note) => `- ${safe(note)}`),
    findings.length === 0
      ? '✓ Vault and the ledger name the same credentials'
      : `${findings.length} to look into`,
  ];
}

const tags = (metadata: Readonly<Record<string, string>>): string =>
  Object.entries(metadata)
    .map(([name, value]) => `, ${safe(name)} ${safe(value)}`)
    .join('');

function placeIn(text: string): VaultPlace {
  const [, target, path] =
    /^([a-z0-9][a-z0-9-]*):([A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)+)$/.exec(text) ?? [];
  if (target !== undefined && path !== undefined) return { target, path };
  throw new CliError(
    exitCode.usage,
    `--mount ${text}: target:path expected, such as shop-prod-eu:database/creds/shop-prod-eu`,
  );
}

function timeIn(text: string): Date {
  const at = new Date(text);
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) && !Number.isNaN(at.getTime())) return at;
  throw new CliError(exitCode.usage, `${text} is no time; write it as 2026-11-22T10:00:00Z`);
}

function secondsIn(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new CliError(exitCode.usage, `--skew ${text}: whole seconds expected, 9999 at most`);
}
