/**
 * `airlock ca`: the authorities by which hosts know each other. The runner edge has a root, which signs on a machine without a
 * network, and an authority below it that nonprod-web has; every other edge has one authority, kept offline.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { CliError, exitCode } from '../exit-codes.ts';
import { toStdout, type Print } from '../print.ts';
import { writeNew } from '../setup/key-files.ts';
import {
  createCertificateAuthority,
  createIntermediateAuthority,
  createRootAuthority,
  issueCertificate,
  type CertificateAndKey,
} from '../setup/pki.ts';

const serverIdentity = 'airlock:nonprod:runner-api';

/** By the name that the certificate carries; each edge has one server. */
const servers = ['airlock:nonprod:outbox', 'airlock:gate:rebuilds', 'airlock:hook-relay'];
const client = /^airlock:(gate:intake|nonprod:web|rebuilder:[a-z0-9][a-z0-9-]{0,62})$/;

export function registerCa(program: Command, print: Print = toStdout): void {
  const ca = program.command('ca').description('the authorities by which hosts know each other');
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
        root: readAuthority(options.root, 'root'),
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
        const made = await issueCertificate({
          ...{ ca: readAuthority(options.root, 'root'), uriSan: serverIdentity, usage: 'server' },
          ...{ days: options.days, ...namesOf(hosts) },
        });
        writePair(options.to, 'server', made);
        print([`${join(options.to, 'server.pem')} holds ${options.days} days`]);
      },
    );

  ca.command('edge')
    .argument('<directory>', 'a new one, on a machine that stays offline')
    .description('make the authority of another edge: ca.pem for both its hosts, ca.key for a safe')
    .action(async (directory: string) => {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writePair(directory, 'ca', await createCertificateAuthority('Airlock edge'));
      print([
        `${join(directory, 'ca.pem')} is the authority; both hosts of the edge have it as caFile`,
        `${join(directory, 'ca.key')} signs what follows and stays here: airlock ca issue`,
      ]);
    });

  ca.command('issue')
    .argument(
      '<identity>',
      `${servers.join(', ')}; airlock:gate:intake, airlock:nonprod:web, airlock:rebuilder:NAME`,
    )
    .argument('[host...]', 'of a server: names and addresses at which it is reached')
    .description('make a certificate of an edge, the first or the next')
    .requiredOption('--ca <directory>', 'where airlock ca edge put the authority')
    .requiredOption('--to <directory>', 'where it is written, by the last word of its name')
    .addOption(days(365))
    .action(
      async (
        identity: string,
        hosts: readonly string[],
        options: { ca: string; to: string; days: number },
      ) => {
        const usage = usageOf(identity, hosts);
        const made = await issueCertificate({
          ...{ ca: readAuthority(options.ca, 'ca'), uriSan: identity, usage },
          ...{ days: options.days, ...namesOf(hosts) },
        });
        mkdirSync(options.to, { recursive: true, mode: 0o700 });
        const name = identity.split(':').at(-1) ?? '';
        writePair(options.to, name, made);
        print([
          `${join(options.to, `${name}.pem`)} is ${identity}, a ${usage}, for ${options.days} days`,
        ]);
      },
    );
}

/** @throws CliError for a name that no edge has, a server without a host and a client with one. */
function usageOf(identity: string, hosts: readonly string[]): 'server' | 'client' {
  if (servers.includes(identity)) {
    if (hosts.length > 0) return 'server';
    throw new CliError(
      exitCode.usage,
      `${identity} is a server; name the hosts and addresses at which it is reached behind it`,
    );
  }
  if (!client.test(identity)) {
    throw new CliError(
      exitCode.usage,
      `no edge knows ${identity}; servers are ${servers.join(', ')}, clients airlock:gate:intake, airlock:nonprod:web and airlock:rebuilder:NAME`,
    );
  }
  if (hosts.length === 0) return 'client';
  throw new CliError(
    exitCode.usage,
    `${identity} is a client, which nobody reaches; leave out ${hosts.join(' ')}`,
  );
}

function namesOf(hosts: readonly string[]): { dnsNames: string[]; ipAddresses: string[] } {
  const isAddress = (host: string): boolean => /^[0-9.]+$|:/.test(host);
  return {
    dnsNames: hosts.filter((host) => !isAddress(host)),
    ipAddresses: hosts.filter(isAddress),
  };
}

function writePair(directory: string, name: string, made: CertificateAndKey): void {
  writeNew(join(directory, `${name}.key`), made.keyPem, 0o600);
  writeNew(join(directory, `${name}.pem`), made.certificatePem, 0o644);
}

function readAuthority(directory: string, name: 'root' | 'ca'): CertificateAndKey {
  try {
    return {
      certificatePem: readFileSync(join(directory, `${name}.pem`), 'utf8'),
      keyPem: readFileSync(join(directory, `${name}.key`), 'utf8'),
    };
  } catch (cause) {
    const verb = name === 'root' ? 'init' : 'edge';
    throw new CliError(
      exitCode.usage,
      `${directory} holds no ${name}.pem and ${name}.key that can be read; airlock ca ${verb} makes them`,
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
