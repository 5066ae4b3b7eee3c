/** What the server says of itself to anybody, sealed or not. */
import { randomUUID } from 'node:crypto';
import type { Reply } from './api.ts';

const clusterId = randomUUID();

export type State = { sealed: boolean; version: string; now: number };

export function health({ sealed, version, now }: State): Reply {
  return {
    status: sealed ? 503 : 200,
    body: {
      initialized: true,
      sealed,
      standby: false,
      server_time_utc: Math.floor(now / 1000),
      version,
      cluster_id: clusterId,
    },
  };
}

export function sealStatus({ sealed, version }: State): Reply {
  return {
    status: 200,
    body: { type: 'shamir', initialized: true, sealed, t: 1, n: 1, progress: 0, version },
  };
}
