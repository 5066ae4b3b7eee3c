import { mostPlaces, type RunnerHello } from '@airlock/common/wire/runner-enrolment';
import type { RunnerConfig } from '../config.ts';

/** Where builds may connect to, for nonprod’s pages. Only where they have a network of their own is there a list to tell. */
export function toldEgress({
  isolation,
  egress,
}: Pick<RunnerConfig, 'isolation' | 'egress'>): Pick<RunnerHello, 'egress'> {
  if (isolation !== 'bubblewrap' && isolation !== 'podman') return {};
  const places = (egress?.allow ?? []).map(({ host, port }) =>
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
  );
  return { egress: { places: places.slice(0, mostPlaces), count: places.length } };
}
