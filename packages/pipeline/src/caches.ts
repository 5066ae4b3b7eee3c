/** `backend_options.airlock.cache`: directories that are there again in a later run. */
import { PlanCache } from '@airlock/common/wire/run-plan';
import { readMap, readText, readTexts } from './yaml-fields.ts';
import type { FaultList, YamlValue } from './yaml-file.ts';

const most = 8;

export function readCaches(value: YamlValue, path: string, faults: FaultList): PlanCache[] {
  const items = value.kind === 'list' ? value.items : [value];
  if (items.length > most) {
    faults.add(value.at, path, `${items.length} caches; a step keeps at most ${most}`);
    return [];
  }
  const caches = items.flatMap((item) => readCache(item, path, faults) ?? []);
  const twice = caches.find(({ path: one }, at) => caches.some((c, i) => i < at && c.path === one));
  if (twice !== undefined) faults.add(value.at, path, `${twice.path} is kept twice; take one out`);
  return caches;
}

function readCache(value: YamlValue, path: string, faults: FaultList): PlanCache | null {
  const read = { path: '', key: '', files: [] as string[] };
  readMap(value, path, faults, {
    path: (entry, at) => {
      read.path = plain(readText(entry.value, at, faults) ?? '');
    },
    key: (entry, at) => {
      read.key = readText(entry.value, at, faults) ?? '';
    },
    keyFiles: (entry, at) => {
      read.files = readTexts(entry.value, at, faults).map(plain);
    },
  });
  const parsed = PlanCache.safeParse(read);
  if (parsed.success && !reserved.test(read.path)) return parsed.data;
  const what = parsed.success ? 'path' : parsed.error.issues[0]?.path[0];
  faults.add(value.at, path, expected[what === 'key' || what === 'files' ? what : 'path']);
  return null;
}

const plain = (path: string): string => path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');

/** The workspace itself, and what git reads. */
const reserved = /^(?:\.|\.git(?:\/.*)?)$/;

const expected = {
  path: 'expected `path`: a directory inside the workspace that the step fills, such as node_modules',
  key: 'expected `key`: 1 to 200 characters, such as npm-${CI_COMMIT_BRANCH}',
  files: 'expected `keyFiles`: at most 16 files of the repository, such as package-lock.json',
} as const;
