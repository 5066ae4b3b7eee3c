/** `airlock firewall`: the doors of a host as rules of nftables, out of the configurations that its processes read. */
import { basename } from 'node:path';
import { isIP } from 'node:net';
import { Network } from '@airlock/process/networks';
import type { Command } from 'commander';
import { listenersOf, type Listener } from '../doctor/listeners.ts';
import { readInstallation } from '../doctor/installation.ts';
import { CliError, exitCode } from '../exit-codes.ts';
import { safe, toStdout, type Print } from '../print.ts';

export function registerFirewall(program: Command, print: Print = toStdout): void {
  program
    .command('firewall')
    .description(
      'print rules of nftables that let nobody but the networks of allowFrom connect to this host’s listeners; to load again when a configuration changed: airlock firewall | nft -f -',
    )
    .requiredOption('--installation <directory>', 'directory of the process configurations')
    .action(async (options: { installation: string }) => {
      const installation = await readInstallation(options.installation).catch((cause: unknown) => {
        throw new CliError(
          exitCode.usage,
          `${options.installation} cannot be read; name the directory of the process configurations with --installation`,
          { cause },
        );
      });
      print(firewall(listenersOf(installation)).map(safe));
    });
}

const isLoopback = (host: string): boolean => /^(127\.|::1$|localhost$)/.test(host);
const families = [
  { version: 4, type: 'ipv4_addr', word: 'ip' },
  { version: 6, type: 'ipv6_addr', word: 'ip6' },
] as const;

/**
 * A table of its own, which only takes away: other tables of the host decide on what it lets through, and it says nothing of
 * ports that are not Airlock's. What is loaded takes the place of what was.
 */
export function firewall(listeners: readonly Listener[]): string[] {
  const doors = listeners.filter(({ host }) => !isLoopback(host));
  const walled = doors.filter(({ allowFrom }) => allowFrom !== null);
  const open = doors.filter(({ allowFrom }) => allowFrom === null);
  return [
    '# Made by airlock firewall; a changed configuration needs it made and loaded again.',
    ...open.map(
      (door) =>
        `# Everybody may connect: ${nameOf(door)}, ${door.host} port ${portsOf(door).join(' and ')}; ${allowFromOf(door)} would say who may.`,
    ),
    'table inet airlock',
    'delete table inet airlock',
    'table inet airlock {',
    ...walled.flatMap(setsOf),
    '  chain doors {',
    '    type filter hook input priority filter; policy accept;',
    '    iif "lo" accept',
    ...walled.flatMap(rulesOf),
    '  }',
    '}',
  ];
}

const nameOf = ({ file, setting }: Listener): string => `${basename(file, '.yaml')} ${setting}`;
const allowFromOf = ({ setting }: Listener): string =>
  setting === 'runnerEdge.enrolment' ? 'runnerApi.allowFrom' : `${setting}.allowFrom`;
const portsOf = ({ port, redirectPort }: Listener): number[] =>
  redirectPort === null ? [port] : [port, redirectPort];
const setOf = (door: Listener, version: 4 | 6): string =>
  `${nameOf(door).replaceAll(/[^a-zA-Z0-9]/g, '_')}_v${version}`;

function setsOf(door: Listener): string[] {
  return families.flatMap(({ version, type }) => {
    const members = networksOf(door).filter(
      (network) => isIP(network.split('/')[0] ?? '') === version,
    );
    const elements = members.length === 0 ? '' : ` elements = { ${members.join(', ')} };`;
    return [
      `  set ${setOf(door, version)} { type ${type}; flags interval; auto-merge;${elements} }`,
    ];
  });
}

/** @throws CliError for what is no network: the process would not start with it either. */
function networksOf(door: Listener): readonly string[] {
  const wrong = door.allowFrom?.find((network) => !Network.safeParse(network).success);
  if (wrong === undefined) return door.allowFrom ?? [];
  throw new CliError(
    exitCode.usage,
    `${door.file}: ${allowFromOf(door)}: ${wrong} is no network such as 10.1.0.0/16`,
  );
}

function rulesOf(door: Listener): string[] {
  const version = isIP(door.host);
  // A name may come to have another address, and 0.0.0.0 is all of them: then the port alone says which door it is.
  const isOne = version !== 0 && door.host !== '0.0.0.0' && door.host !== '::';
  const to = isOne ? `${version === 4 ? 'ip' : 'ip6'} daddr ${door.host} ` : '';
  const ports = `tcp dport { ${portsOf(door).join(', ')} }`;
  return [
    `    # ${nameOf(door)}`,
    ...families
      .filter((family) => !isOne || family.version === version)
      .map(
        (family) => `    ${to}${family.word} saddr @${setOf(door, family.version)} ${ports} accept`,
      ),
    `    ${to}${ports} counter drop`,
  ];
}
