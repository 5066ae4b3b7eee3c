/** The secrets engines that can be mounted, by type. */
import { ApiFailure } from '../api.ts';
import type { Backend } from '../backend.ts';
import type { Clock } from '../clock.ts';
import type { Leases } from '../leases.ts';
import type { Profile } from '../profile.ts';
import { createAwsEngine } from './aws.ts';
import { createDatabaseEngine } from './database.ts';
import { createKv2Engine } from './kv2.ts';
import { createPkiEngine } from './pki.ts';
import { createSshEngine } from './ssh.ts';
import { createTransitEngine } from './transit.ts';

/** @throws ApiFailure 400 for a type that this stand-in does not know, as a server without that plugin answers. */
export function createEngine({
  type,
  options,
  mount,
  clock,
  leases,
  profile,
  isDatabaseReachable,
}: {
  type: string;
  /** Of the mount, such as `{ version: "2" }` of a key-value engine. */
  options: Readonly<Record<string, string>>;
  mount: string;
  clock: Clock;
  leases: Leases;
  profile: Profile;
  isDatabaseReachable: () => boolean;
}): Backend {
  switch (type) {
    case 'database':
      return createDatabaseEngine({ mount, clock, leases, isReachable: isDatabaseReachable });
    case 'aws':
      return createAwsEngine({ mount, leases });
    case 'pki':
      return createPkiEngine({ mount, clock, leases });
    case 'ssh':
      return createSshEngine({ clock });
    case 'transit':
      return createTransitEngine({ clock, profile });
    case 'kv-v2':
      return createKv2Engine({ clock });
    case 'kv':
      if (options['version'] === '2') return createKv2Engine({ clock });
      throw new ApiFailure(400, 'this stand-in knows key-value engines of version 2 only');
    default:
      throw new ApiFailure(400, `plugin not found in the catalog: ${type}`);
  }
}
