import { existsSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigurationError } from '@airlock/process/config';
import type { EgressDecision } from '@airlock/sandbox/egress/proxy';
import { runsAsRoot } from '@airlock/sandbox/host';
import { openPodman } from '@airlock/sandbox/podman/store';
import { probeSandbox } from '@airlock/sandbox/probe';
import { ownNode, selfTest, type SelfTest } from '../escape-kit/self-test.ts';
import { accountIsolation } from './account.ts';
import { bubblewrapIsolation } from './bubblewrap.ts';
import { readCatalogue, type Catalogue } from './catalogue.ts';
import type { IsolationConfig } from './config.ts';
import type { EgressRules } from './egress.ts';
import type { Isolation } from './isolation.ts';
import { missingPrograms, noIsolation } from './none.ts';
import { machineInPodman, podmanIsolation } from './podman.ts';

/**
 * The isolation that a builder is configured with, after an attempt to get out of it.
 *
 * @param around.onEgress told of every connection that a build asked for.
 * @param around.onCarried told what a network that was closed has carried. Default: nobody is.
 * @param around.onSent shown what builds send through their way out. Default: nobody is.
 * @param around.secretFiles absolute paths of the builder's own files that no build may read.
 * @throws ConfigurationError when what was asked for cannot be had or does not hold: a builder never falls back to less.
 */
export async function chooseIsolation(
  config: IsolationConfig & { readonly workDirectory: string },
  around: {
    readonly onEgress: (decision: EgressDecision) => void;
    readonly onCarried?: NonNullable<EgressRules['onCarried']>;
    readonly onSent?: NonNullable<EgressRules['onSent']>;
    readonly secretFiles: readonly string[];
  },
): Promise<Isolation> {
  const { isolation: mode, limits, egress } = config;
  const nodeBinary = config.nodeBinary === undefined ? null : nodePath(config.nodeBinary);
  const canKeepEgress = mode === 'bubblewrap' || (mode === 'podman' && runsAsRoot());
  if (egress !== undefined && !canKeepEgress) {
    const where = mode === 'podman' ? 'podman without root' : mode;
    throw refused(`egress: isolation: ${where} cannot keep it; leave it out, or use bubblewrap`);
  }
  const podman = mode === 'podman' ? await openPodman(podmanDirectory(config)) : null;
  const catalogue = await readCatalogue(config.images, mode, podman);
  if (mode === 'none') return unisolated(nodeBinary, catalogue);
  const digest = await provenIsolation(config, around.secretFiles);
  const words = [`self-test:${digest.slice(0, 32)}`];
  if (mode === 'user') {
    const nodeDirectory = nodeBinary === null ? null : dirname(nodeBinary);
    return accountIsolation({ accounts: config.accounts, nodeDirectory, catalogue, limits, words });
  }
  const rules =
    egress === undefined
      ? null
      : {
          ...{
            allow: egress.allow,
            mirrors: egress.mirrors,
            nodeBinary: ownNode(),
            onDecision: around.onEgress,
          },
          ...(around.onCarried === undefined ? {} : { onCarried: around.onCarried }),
          ...(around.onSent === undefined ? {} : { onSent: around.onSent }),
        };
  if (podman !== null) {
    return podmanIsolation({ podman, catalogue, limits, egress: rules, words });
  }
  return bubblewrapIsolation({ nodeBinary, catalogue, limits, egress: rules, words });
}

/**
 * Runs the escape kit in what `mode` makes of this machine.
 *
 * @throws ConfigurationError when the mode does not work here, or the kit found what it must not find.
 * @returns the digest of what it found.
 */
async function provenIsolation(
  config: IsolationConfig & { readonly workDirectory: string },
  secretFiles: readonly string[],
): Promise<string> {
  const test = await testIsolation(config, secretFiles);
  if (test.differences.length === 0) return test.digest;
  const shown = test.differences.slice(0, 8).join('; ');
  const hint = 'system-calls' in test.probes ? '; install perl (Debian: perl-base)' : '';
  throw refused(
    `isolation: ${test.mode} does not hold on this machine, so that no work is taken: ${shown}${hint}; see all: airlock-runner selftest --mode ${test.mode}`,
  );
}

/**
 * @returns what the escape kit found in the isolation that `config` asks for.
 * @throws ConfigurationError when the mode does not work here.
 */
export async function testIsolation(
  config: Pick<IsolationConfig, 'isolation' | 'limits' | 'accounts'> & {
    readonly workDirectory: string;
  },
  secretFiles: readonly string[],
): Promise<SelfTest> {
  const { isolation: mode, limits, accounts, workDirectory } = config;
  if (mode === 'none') {
    throw refused(
      'isolation: none keeps nothing apart, and there is nothing to test; use bubblewrap or podman, or user as root',
    );
  }
  if (mode === 'podman') {
    const podman = await openPodman(podmanDirectory(config));
    const isolation = await machineInPodman(podman, { node: ownNode(), limits });
    return selfTest({ isolation, secretFiles, workDirectory });
  }
  if (mode === 'user') {
    if (!runsAsRoot())
      throw refused('isolation: user needs root, who alone can give accounts away');
    const isolation = accountIsolation({ accounts, nodeDirectory: dirname(ownNode()), limits });
    return selfTest({ isolation, secretFiles, workDirectory });
  }
  const probe = await probeSandbox();
  if (!probe.available) {
    throw refused(
      `isolation: bubblewrap does not work on this machine: ${probe.reason}; ${probe.remedy}`,
    );
  }
  const isolation = bubblewrapIsolation({ nodeBinary: ownNode(), limits });
  return selfTest({ isolation, secretFiles, workDirectory });
}

const podmanDirectory = ({ workDirectory }: { readonly workDirectory: string }): string =>
  resolve(workDirectory, 'podman');

function unisolated(nodeBinary: string | null, catalogue: Catalogue): Isolation {
  if (process.env['AIRLOCK_DEMO'] !== '1') {
    throw refused(
      'isolation: none runs the code of every commit with the rights of this user; use isolation: bubblewrap (none is for the demo, with AIRLOCK_DEMO=1)',
    );
  }
  const missing = missingPrograms();
  if (missing.length === 0) {
    return noIsolation(nodeBinary === null ? null : dirname(nodeBinary), catalogue);
  }
  throw refused(
    `isolation: none finds no ${missing.join(', no ')} on PATH; on Debian or Ubuntu run: apt-get install -y dash tar gzip; then start again`,
  );
}

/** The file behind `nodeBinary`, links resolved. @throws ConfigurationError when there is none. */
export function nodePath(file: string): string {
  if (existsSync(file)) return realpathSync(file);
  throw refused(`nodeBinary: ${file} does not exist; correct the path or leave the key out`);
}

function refused(message: string): ConfigurationError {
  return new ConfigurationError('configuration-refused', message);
}
