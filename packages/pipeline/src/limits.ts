/** `backend_options`: what of them means the same here. */
import type { PlanCache, PlanStep } from '@airlock/common/wire/run-plan';
import { RepositoryPath } from '@airlock/common/wire/scalars';
import { readCaches } from './caches.ts';
import { readReports, type Reports } from './report-globs.ts';
import { readMap, readText, type Keys } from './yaml-fields.ts';
import type { FaultList, YamlEntry, YamlValue } from './yaml-file.ts';

type Limits = NonNullable<PlanStep['limits']>;

const refusedKubernetes =
  'there is no Kubernetes here; the pool says where and as whom a step runs';

export interface BackendOptions {
  /** Null where the file says nothing. */
  readonly limits: Limits | null;
  readonly reports: Reports;
  readonly caches: readonly PlanCache[];
  /** Null: it hands on nothing. */
  readonly outputs: string | null;
}

export function readBackendOptions(
  value: YamlValue,
  path: string,
  faults: FaultList,
): BackendOptions {
  const reports: Reports[number][] = [];
  const caches: PlanCache[] = [];
  let outputs: string | null = null;
  const read: Read = {
    cpus: null,
    memoryBytes: null,
    timeoutSeconds: null,
  };
  readMap(value, path, faults, {
    airlock: (entry, at) => {
      readLimits(entry, at, faults, read, {
        timeout: one('timeoutSeconds', seconds, 'a time such as 90s, 10m or 1h', faults, read),
        reports: ({ value: globs }, here) => {
          reports.push(...readReports(globs, here, faults));
        },
        cache: ({ value: listed }, here) => {
          caches.push(...readCaches(listed, here, faults));
        },
        outputs: ({ value: file }, here) => {
          const path = RepositoryPath.safeParse(readText(file, here, faults));
          if (path.success) outputs = path.data;
          else faults.add(file.at, here, 'expected a file in the workspace such as build.env');
        },
      });
    },
    kubernetes: (entry, at) => {
      readMap(entry.value, at, faults, {
        resources: (resources, here) => {
          readMap(resources.value, here, faults, {
            limits: (limits, there) => {
              readLimits(limits, there, faults, read, {
                'ephemeral-storage': 'the pool says how much a workspace may hold',
              });
              faults.warn(limits.keyAt, there, 'taken as `backend_options.airlock`');
            },
            requests: ({ keyAt }, there) => {
              faults.warn(keyAt, there, '`requests` change nothing: nothing is reserved here');
            },
          });
        },
        labels: refusedKubernetes,
        annotations: refusedKubernetes,
        nodeSelector: 'choose a pool with `labels`',
        tolerations: 'choose a pool with `labels`',
        affinity: 'choose a pool with `labels`',
        serviceAccountName: refusedKubernetes,
        runtimeClassName: refusedKubernetes,
        securityContext: 'the pool says as whom a step runs',
        secrets: 'write `environment: { NAME: { from_secret: name } }`',
        hostUsers: refusedKubernetes,
        workspaceVolume: refusedKubernetes,
      });
    },
    docker: 'there is no container daemon; the pool says as whom a step runs',
    local: 'every step runs in its sandbox; leave the key out',
  });
  const limits = Object.values(read).every((limit) => limit === null) ? null : read;
  return { limits, reports, caches, outputs };
}

type Read = { -readonly [K in keyof Limits]: Limits[K] };

const one =
  (
    key: keyof Limits,
    parse: (text: string) => number | null,
    example: string,
    faults: FaultList,
    limits: Read,
  ) =>
  (entry: YamlEntry, at: string): void => {
    const number = parse(readText(entry.value, at, faults) ?? '');
    if (number === null) faults.add(entry.value.at, at, `expected ${example}`);
    else limits[key] = number;
  };

function readLimits(
  { value }: YamlEntry,
  path: string,
  faults: FaultList,
  limits: Read,
  others: Keys,
): void {
  readMap(value, path, faults, {
    cpu: one('cpus', cpus, 'a number of processors such as 2, 0.5 or 500m', faults, limits),
    memory: one('memoryBytes', bytes, 'a size such as 512Mi, 2Gi or 1G', faults, limits),
    ...others,
  });
}

function cpus(text: string): number | null {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)(m?)$/.exec(text);
  const number = Number(match?.[1]) / (match?.[2] === 'm' ? 1000 : 1);
  return number > 0 && number <= 1024 ? number : null;
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1000,
  m: 1000 ** 2,
  g: 1000 ** 3,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
};

function bytes(text: string): number | null {
  const match = /^([1-9]\d{0,11})([kmg]?i?)b?$/i.exec(text);
  const number = Number(match?.[1]) * (units[match?.[2]?.toLowerCase() ?? ''] ?? Number.NaN);
  return number >= 1024 ** 2 && number <= 1024 ** 4 ? number : null;
}

function seconds(text: string): number | null {
  const match = /^([1-9]\d{0,5})(s|m|h)$/.exec(text);
  const number = Number(match?.[1]) * ({ s: 1, m: 60, h: 3600 }[match?.[2] ?? ''] ?? Number.NaN);
  return number <= 24 * 3600 ? number : null;
}
