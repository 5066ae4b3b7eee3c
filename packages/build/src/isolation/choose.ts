import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigurationError } from '@airlock/process/config';
import type { EgressDecision } from '@airlock/sandbox/egress/proxy';
import { probeSandbox } from '@airlock/sandbox/probe';
import { bubblewrapIsolation } from './bubblewrap.ts';
import { readCatalogue, type Catalogue } from './catalogue.ts';
import type { IsolationConfig } from './config.ts';
import type { Isolation } from './isolation.ts';
import { missingPrograms, noIsolation } from './none.ts';

/**
 * The isolation that a builder is configured with.
 *
 * @param onEgress told of every connection that a build asked for.
 * @throws ConfigurationError when what was asked for cannot be had: a builder never falls back to less.
 */
export async function chooseIsolation(
  config: IsolationConfig,
  onEgress: (decision: EgressDecision) => void,
): Promise<Isolation> {
  const { isolation: mode, limits, egress } = config;
  const nodeBinary = config.nodeBinary === undefined ? null : nodePath(config.nodeBinary);
  if (egress !== undefined && mode !== 'bubblewrap') {
    throw refused(`egress: isolation: ${mode} cannot keep it; leave it out, or use bubblewrap`);
  }
  const catalogue = await readCatalogue(config.images, mode);
  switch (mode) {
    case 'none':
      return unisolated(nodeBinary, catalogue);
    case 'bubblewrap': {
      const probe = await probeSandbox();
      if (!probe.available) {
        throw refused(
          `isolation: bubblewrap does not work on this machine: ${probe.reason}; ${probe.remedy}`,
        );
      }
      const rules =
        egress === undefined
          ? null
          : {
              allow: egress.allow,
              nodeBinary: realpathSync(process.execPath),
              onDecision: onEgress,
            };
      return bubblewrapIsolation({ nodeBinary, catalogue, limits, egress: rules });
    }
    case 'podman':
    case 'user':
      throw refused(`isolation: ${mode} is not there`);
  }
}

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
