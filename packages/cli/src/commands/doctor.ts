/** `airlock doctor`: what it prints; the checks are in `../doctor.ts`. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { checkIds, doctorControls, examine } from '../doctor.ts';
import { readInstallation, type Finding } from '../doctor/installation.ts';
import { owaspCicd } from '../doctor/owasp.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';

type Options = {
  readonly only?: readonly string[];
  readonly list?: true;
  readonly framework?: 'owasp-cicd';
  readonly json?: true;
  readonly installation: string;
};

export function registerDoctor(program: Command, print: Print = toStdout): void {
  program
    .command('doctor')
    .description('live tests of an installation, each with how to mend it')
    .option('--only <id...>', 'these checks alone; see --list')
    .option('--list', 'what is checked, with the promises that it shows, and check nothing')
    .addOption(
      new Option(
        '--framework <name>',
        'by the risks of a framework, with the drills against each',
      ).choices(['owasp-cicd']),
    )
    .option('--json', 'one JSON array')
    .option(
      '--installation <directory>',
      'directory of the process configurations',
      existsSync('.demo/config') ? '.demo/config' : '/etc/airlock',
    )
    .action(async (options: Options) => {
      const only = chosenOf(options);
      const asJson = options.json === true;
      if (options.list === true) {
        const listed = (only ?? checkIds).map((id) => ({ id, controls: doctorControls[id] ?? [] }));
        print(
          asJson
            ? [JSON.stringify(listed, null, 2)]
            : listed.map(({ id, controls }) => `${id.padEnd(16)} ${controls.join(', ')}`.trimEnd()),
        );
        return;
      }
      const installation = existsSync(options.installation)
        ? await readInstallation(resolve(options.installation))
        : { directory: options.installation, files: [] };
      const findings = await examine(installation, only);
      if (options.framework === undefined) {
        print(asJson ? [JSON.stringify(findings, null, 2)] : findings.flatMap(findingLines));
      } else {
        const risks = byRisk(findings);
        print(asJson ? [JSON.stringify(risks, null, 2)] : risks.flatMap(riskLines));
      }
      if (findings.some(({ status }) => status === 'fail')) process.exitCode = exitCode.failedCheck;
    });
}

/** @throws CliError for a check that there is not, and where a framework has chosen already. */
function chosenOf({ only, framework, list }: Options): readonly string[] | undefined {
  if (framework !== undefined && (only !== undefined || list === true)) {
    throw new CliError(
      exitCode.usage,
      '--framework says itself what is checked; leave out --only and --list',
    );
  }
  const unknown = (only ?? []).filter((id) => !checkIds.includes(id));
  if (unknown.length > 0) {
    throw new CliError(
      exitCode.usage,
      `no check ${unknown.join(', ')}; checks are ${checkIds.join(', ')}`,
    );
  }
  return framework === undefined ? only : owaspCicd.flatMap(({ checks }) => checks);
}

const mark = { pass: '✓', fail: '✗', skip: '-' };

const findingLines = ({ id, status, summary, howToFix }: Finding): string[] => [
  `${mark[status]} ${id.padEnd(16)} ${summary}`,
  ...(howToFix === undefined ? [] : [`  → ${howToFix}`]),
];

type Looked = Omit<(typeof owaspCicd)[number], 'checks'> & {
  readonly findings: readonly Finding[];
};

/** A check that speaks of several risks stands under each of them. */
export const byRisk = (findings: readonly Finding[]): readonly Looked[] =>
  owaspCicd.map(({ checks, ...risk }) => ({
    ...risk,
    findings: findings.filter(({ id }) => checks.includes(id)),
  }));

const riskLines = ({ id, title, findings, drills }: Looked): string[] => [
  `${id}  ${title}`,
  ...findings.flatMap(findingLines).map((line) => `  ${line}`),
  `  airlock drill ${drills.join(' ')}`,
  '',
];
