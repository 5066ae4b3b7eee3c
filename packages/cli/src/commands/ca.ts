/** `airlock ca`: the authority of the runner edge. The root signs on a machine without a network; nonprod-web gets what it signed. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';
import { writeNew } from '../setup/key-files.ts';
import {
  createIntermediateAuthority,
  createRootAuthority,
  issueCertificate,
  type CertificateAndKey,
} from '../setup/pki.ts';

const serverIdentity = 'airlock:nonprod:runner-api';

export function registerCa(program: Command, print: Print = toStdout): void {
  const ca = program.command('ca').description('the authority by which runners are known');
  const root = (): Option =>
    new Option('--root <directory>', 'where airlock ca init put the root').makeOptionMandatory();
  const days = (standard: number): Option =>
    new Option('--days <days>', 'how long it holds, 1 to 825')
      .argParser(wholeDays)
      .default(standard);

  ca.command('init')
    .argument('<directory>', 'a new one, on a machine that stays offline')
    .description('make the root: root.pem for runnerApi.caFile, root.key for a safe')
    .action(async (directory: string) => {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writePair(directory, 'root', await createRootAuthority('Airlock runner edge'));
      print([
        `${join(directory, 'root.pem')} is the root; nonprod-web has it as runnerApi.caFile`,
        `${join(directory, 'root.key')} signs what follows and stays here: airlock ca intermediate, airlock ca server`,
      ]);
    });

  ca.command('intermediate')
    .description('make the authority that signs for runners, for runnerEdge.authority')
    .addOption(root())
    .requiredOption('--to <directory>', 'where authority.pem and authority.key are written')
    .addOption(days(365))
    .action(async (options: { root: string; to: string; days: number }) => {
      mkdirSync(options.to, { recursive: true, mode: 0o700 });
      const made = await createIntermediateAuthority({
        root: readRoot(options.root),
        ...{ name: 'Airlock runner edge, online', days: options.days },
      });
      writePair(options.to, 'authority', made);
      print([`${join(options.to, 'authority.pem')} holds ${options.days} days`]);
    });

  ca.command('server')
    .argument('<host...>', 'names and addresses at which runners reach nonprod-web')
    .description('make the certificate of runnerApi')
    .addOption(root())
    .requiredOption('--to <directory>', 'where server.pem and server.key are written')
    .addOption(days(365))
    .action(
      async (hosts: readonly string[], options: { root: string; to: string; days: number }) => {
        mkdirSync(options.to, { recursive: true, mode: 0o700 });
        const isAddress = (host: string): boolean => /^[0-9.]+$|:/.test(host);
        const made = await issueCertificate({
          ...{ ca: readRoot(options.root), uriSan: serverIdentity, usage: 'server' },
          days: options.days,
          dnsNames: hosts.filter((host) => !isAddress(host)),
          ipAddresses: hosts.filter(isAddress),
        });
        writePair(options.to, 'server', made);
        print([`${join(options.to, 'server.pem')} holds ${options.days} days`]);
      },
    );
}

function writePair(directory: string, name: string, made: CertificateAndKey): void {
  writeNew(join(directory, `${name}.key`), made.keyPem, 0o600);
  writeNew(join(directory, `${name}.pem`), made.certificatePem, 0o644);
}

function readRoot(directory: string): CertificateAndKey {
  try {
    return {
      certificatePem: readFileSync(join(directory, 'root.pem'), 'utf8'),
      keyPem: readFileSync(join(directory, 'root.key'), 'utf8'),
    };
  } catch (cause) {
    throw new CliError(
      exitCode.usage,
      `${directory} holds no root.pem and root.key that can be read; airlock ca init makes them`,
      { cause },
    );
  }
}

function wholeDays(text: string): number {
  const count = Number(text);
  if (!/^[1-9]\d{0,2}$/.test(text) || count > 825) {
    throw new InvalidArgumentError('expected 1 to 825');
  }
  return count;
}
