/** Which files a step writes for people to read: `backend_options.airlock.reports`. */
import type { PlanStep } from '@airlock/common/wire/run-plan';
import { ReportKind } from '@airlock/common/wire/reports';
import { globMatcher } from './glob.ts';
import { readMap, readTexts } from './yaml-fields.ts';
import type { FaultList, YamlEntry, YamlValue } from './yaml-file.ts';

export type Reports = NonNullable<PlanStep['reports']>;

const mostGlobs = 32;
const longest = 255;

export function readReports(value: YamlValue, path: string, faults: FaultList): Reports {
  const read: Reports = [];
  const globsOf =
    (kind: ReportKind) =>
    (entry: YamlEntry, at: string): void => {
      for (const glob of readTexts(entry.value, at, faults)) {
        if (isUsable(glob)) read.push({ kind, glob });
        else {
          faults.add(
            entry.value.at,
            at,
            `expected a glob under the workspace such as build/test-results/*.xml, not ${glob.slice(0, 100)}`,
          );
        }
      }
    };
  readMap(
    value,
    path,
    faults,
    Object.fromEntries(ReportKind.options.map((kind) => [kind, globsOf(kind)])),
  );
  if (read.length > mostGlobs) {
    faults.add(value.at, path, `a step names at most ${mostGlobs} globs of reports`);
  }
  return read;
}

function isUsable(glob: string): boolean {
  const parts = glob.split('/');
  return (
    glob !== '' &&
    glob.length <= longest &&
    !glob.startsWith('/') &&
    !parts.includes('..') &&
    !parts.includes('.') &&
    globMatcher(glob) !== null
  );
}
