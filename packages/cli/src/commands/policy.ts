/** `airlock policy`: what a target file would have done to the promotions that a target has had. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { TargetPolicy } from '@airlock/common/policy/target-policy';
import { ConfigurationError, parseConfig } from '@airlock/process/config';
import { parseConfiguration, readConfiguration } from '@airlock/process/configuration-directory';
import { DatabaseSettings, poolConfig } from '@airlock/process/settings';
import { Option, type Command } from 'commander';
import type pg from 'pg';
import { z } from 'zod';
import { directoryOption } from '../configuration/places.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { replay, type ReplayReport, type ReplayRow } from '../policy-replay/compare.ts';
import { readPastPromotions, type PastPromotion } from '../policy-replay/past-promotions.ts';
import { safe, toStdout, type Print } from '../print.ts';
import { registerPolicyShadow } from './policy-shadow.ts';

type Options = {
  readonly directory: string;
  readonly database: string;
  readonly since: number;
  readonly json?: true;
};

const demoDatabase = '.demo/keys/policy-replay.yaml';
const DatabaseFile = z.strictObject({ database: DatabaseSettings });

export function registerPolicy(program: Command, print: Print = toStdout): void {
  const policy = program.command('policy').description('target files, tried on what has been');
  policy
    .command('replay')
    .argument('<file>', 'new target file, such as shop-prod-eu.yaml')
    .option(
      '--since <duration>',
      'promotions admitted since then, such as 90d',
      durationIn,
      90 * 86_400,
    )
    .addOption(directoryOption())
    .addOption(
      new Option(
        '--database <file>',
        'YAML file with a database block {host, port, name, user, passwordFile}; user gate_audit',
      ).default(existsSync(demoDatabase) ? demoDatabase : '/etc/airlock/policy-replay.yaml'),
    )
    .option('--json', 'one JSON object: {promotions, same, stricter, looser, rows}')
    .description(
      'judge the past promotions of its target again by a new target file; exit 0, 1 when it is looser anywhere',
    )
    .action(async (file: string, options: Options) => {
      const now = new Date();
      const {
        policy: candidate,
        given,
        connection,
      } = await asInput(async () => ({
        policy: await candidateIn(file),
        given: await configurationIn(options.directory),
        connection: await connectionIn(options.database),
      }));
      const promotions = await past(connection, {
        ...{ target: candidate.target, now },
        since: new Date(now.getTime() - options.since * 1000),
      });
      const inForce = given.targets.get(candidate.target) ?? null;
      const report = replay(promotions, {
        ...{ policy: candidate, roster: given.roster.roster, trust: given.trust, inForce },
      });
      print(
        options.json === true
          ? [JSON.stringify(report, null, 2)]
          : linesOf(report, candidate.target),
      );
      if (report.looser > 0) process.exitCode = exitCode.error;
    });
  registerPolicyShadow(policy, print);
}

const candidateIn = async (file: string): Promise<TargetPolicy> =>
  parseConfig(TargetPolicy, await textOf(file), file);

async function configurationIn(directory: string): Promise<ReturnType<typeof parseConfiguration>> {
  const { files } = await readConfiguration(directory);
  return parseConfiguration(directory, files);
}

async function connectionIn(file: string): Promise<pg.ClientConfig> {
  return poolConfig(parseConfig(DatabaseFile, await textOf(file), file).database);
}

async function past(
  connection: pg.ClientConfig,
  which: { readonly target: string; readonly since: Date; readonly now: Date },
): Promise<PastPromotion[]> {
  try {
    return await readPastPromotions(connection, which);
  } catch (cause) {
    // What this program refuses has a code as well, and is no answer of the database.
    if (cause instanceof CliError || !(cause instanceof Error) || !('code' in cause)) throw cause;
    const where = `${connection.user ?? ''} at ${connection.host ?? ''}:${connection.port ?? ''}`;
    throw new CliError(
      exitCode.unreachable,
      `the gate's database did not answer ${where}: ${cause.message}; it needs the rights of gate_audit in grants.sql`,
      { cause },
    );
  }
}

async function asInput<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    throw new CliError(exitCode.usage, cause.message, { cause });
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new CliError(exitCode.usage, `${file} cannot be read; name an existing file`, { cause });
  }
}

const marks = { same: '=', stricter: '↑', looser: '↓' } as const;
const rulesText = (rules: ReplayRow['happened']['rules']): string =>
  rules?.map(({ role, count }) => `${count} ${safe(role)}`).join(' + ') ?? 'not written down';

function linesOf(
  { promotions, same, stricter, looser, rows }: ReplayReport,
  target: string,
): string[] {
  if (promotions === 0) return [`${target}: no promotion since then; nothing to judge`];
  return [
    ...rows.flatMap(({ kind, promotion, release, at, happened, replayed, changes }) => [
      `${marks[kind]} ${promotion}  ${safe(release)}  ${at}`,
      `    happened: ${happened.isDelivered ? 'delivered, ' : ''}${happened.state}; asked ${rulesText(happened.rules)}; approved by ${happened.approvedBy.map(safe).join(', ') || 'nobody'}`,
      `    new file: ${replayed.passes ? 'passes' : 'does not pass'}; asks ${rulesText(replayed.rules)}`,
      ...changes.map(({ direction, text }) => `    ${marks[direction]} ${safe(text)}`),
    ]),
    `${target}: ${promotions} promotions; ${same} the same, ${stricter} stricter, ${looser} looser`,
  ];
}

function durationIn(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? [];
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }[unit ?? ''];
  if (count !== undefined && seconds !== undefined) return Number(count) * seconds;
  throw new CliError(
    exitCode.usage,
    `--since ${text}: a number and one of s, m, h, d expected, such as 90d`,
  );
}
