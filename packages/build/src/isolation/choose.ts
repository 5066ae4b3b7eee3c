import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigurationError } from '@airlock/process/config';
import { probeSandbox } from '@airlock/sandbox/probe';
import { bubblewrapIsolation } from './bubblewrap.ts';
import { readCatalogue, type ImageEntry } from './catalogue.ts';
import type { Isolation } from './isolation.ts';
import { missingPrograms, noIsolation } from './none.ts';

/**
 * The isolation that a builder is configured with.
 *
 * @throws ConfigurationError when what was asked for cannot be had: a builder never falls back to less.
 */
export async function chooseIsolation(config: {
  readonly isolation: Isolation['mode'];
  readonly images: readonly ImageEntry[];
  /** A Node binary that steps are given; left out: none. */
  readonly nodeBinary?: string | undefined;
}): Promise<Isolation> {
  const node = config.nodeBinary === undefined ? null : nodePath(config.nodeBinary);
  const catalogue = await readCatalogue(config.images, config.isolation);
  if (config.isolation === 'none') {
    if (process.env['AIRLOCK_DEMO'] !== '1') {
      throw refused(
        'isolation: none runs the code of every commit with the rights of this user; use isolation: bubblewrap (none is for the demo, with AIRLOCK_DEMO=1)',
      );
    }
    const missing = missingPrograms();
    if (missing.length === 0) return noIsolation(node === null ? null : dirname(node), catalogue);
    throw refused(
      `isolation: none finds no ${missing.join(', no ')} on PATH; on Debian or Ubuntu run: apt-get install -y dash tar gzip; then start again`,
    );
  }
  const probe = await probeSandbox();
  if (probe.available) return bubblewrapIsolation({ nodeBinary: node, catalogue });
  throw refused(
    `isolation: bubblewrap does not work on this machine: ${probe.reason}; ${probe.remedy}`,
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
