/** Reads `when`. */
import { RunEvent } from '@airlock/common/wire/runner-protocol';
import type { Condition, PathCondition, Patterns, Status } from './condition.ts';
import { ExpressionError } from './expression-tokens.ts';
import { parseExpression } from './expression.ts';
import { globMatcher, maxGlobLength } from './glob.ts';
import { readEscapes } from './template.ts';
import { readFlag, readMap, readText, readTextMap, readTexts, type Keys } from './yaml-fields.ts';
import { join, type FaultList, type YamlEntry, type YamlValue } from './yaml-file.ts';

const maxPatterns = 100;
const maxConditions = 32;

/** A list is any of its conditions. */
export function readWhen(
  value: YamlValue,
  path: string,
  faults: FaultList,
  of: 'workflow' | 'step',
): Condition[] {
  const items = value.kind === 'list' ? value.items : [value];
  if (items.length > maxConditions)
    faults.add(value.at, path, `at most ${maxConditions} conditions`);
  return items.slice(0, maxConditions).map((item, index) => {
    const here = value.kind === 'list' ? join(path, String(index)) : path;
    return readCondition(item, here, faults, of);
  });
}

function readCondition(
  item: YamlValue,
  here: string,
  faults: FaultList,
  of: 'workflow' | 'step',
): Condition {
  const read: { -readonly [K in keyof Condition]: Condition[K] } = {
    ...{ events: null, branch: null, ref: null, repo: null, platform: null, instance: null },
    ...{ cron: null, path: null, matrix: null, evaluate: null, status: [] },
  };
  const patterns =
    (key: 'branch' | 'ref' | 'platform' | 'cron') => (entry: YamlEntry, at: string) => {
      read[key] = readPatterns(entry.value, at, faults);
    };
  const unknownOnMain = (key: 'repo' | 'instance') => (entry: YamlEntry, at: string) => {
    read[key] = readPatterns(entry.value, at, faults);
    faults.warn(
      entry.keyAt,
      at,
      `\`${key}\` never holds for a push to main: gate and signer compile main from its files alone and do not know it`,
    );
  };
  readMap(item, here, faults, {
    event: (entry, at) => {
      read.events = readEvents(entry.value, at, faults);
    },
    branch: patterns('branch'),
    ref: patterns('ref'),
    repo: unknownOnMain('repo'),
    path: (entry, at) => {
      read.path = readPath(entry.value, at, faults);
    },
    status: (entry, at) => {
      read.status = readStatuses(entry.value, at, faults);
    },
    cron: patterns('cron'),
    platform: patterns('platform'),
    ...(of === 'step'
      ? {
          matrix: (entry: YamlEntry, at: string) => {
            read.matrix = readMatrixCondition(entry.value, at, faults);
          },
        }
      : { matrix: 'a whole workflow has no combination yet; use it in the steps’ `when`' }),
    instance: unknownOnMain('instance'),
    evaluate: (entry, at) => {
      read.evaluate = readExpression(entry.value, at, faults);
    },
    local: (entry, at) => {
      readFlag(entry.value, at, faults);
    },
    environment: ({ keyAt }, at) => {
      faults.warn(
        keyAt,
        at,
        '`environment` means nothing to Woodpecker and nothing here; leave it out',
      );
    },
  } satisfies Keys);
  return read;
}

function readEvents(value: YamlValue, path: string, faults: FaultList): string[] {
  const events = readTexts(value, path, faults);
  for (const event of events) {
    if (RunEvent.options.some((known) => known === event)) continue;
    const [renamed] = Object.entries(oldEvents).filter(([old]) => old === event);
    const hint =
      renamed === undefined ? `known: ${RunEvent.options.join(', ')}` : `write ${renamed[1]}`;
    faults.add(value.at, path, `no such event: ${event}; ${hint}`);
  }
  return events;
}

const oldEvents: Readonly<Record<string, string>> = {
  pull: 'pull_request',
  'pull-request': 'pull_request',
  deploy: 'deployment',
  promote: 'deployment',
  schedule: 'cron',
};

function readStatuses(value: YamlValue, path: string, faults: FaultList): Status[] {
  return readTexts(value, path, faults).flatMap((status) => {
    if (status === 'success' || status === 'failure') return [status];
    faults.add(value.at, path, `no such status: ${status}; known: success, failure`);
    return [];
  });
}

function readPatterns(value: YamlValue, path: string, faults: FaultList): Patterns {
  if (value.kind !== 'map') return { include: readGlobs(value, path, faults), exclude: [] };
  const read: { include: string[]; exclude: string[] } = { include: [], exclude: [] };
  readMap(value, path, faults, {
    include: (entry, at) => {
      read.include = readGlobs(entry.value, at, faults);
    },
    exclude: (entry, at) => {
      read.exclude = readGlobs(entry.value, at, faults);
    },
  });
  return read;
}

function readPath(value: YamlValue, path: string, faults: FaultList): PathCondition {
  const read = {
    include: [] as string[],
    exclude: [] as string[],
    onEmpty: true,
    ignoreMessage: '',
  };
  if (value.kind !== 'map') return { ...read, include: readGlobs(value, path, faults) };
  readMap(value, path, faults, {
    include: (entry, at) => {
      read.include = readGlobs(entry.value, at, faults);
    },
    exclude: (entry, at) => {
      read.exclude = readGlobs(entry.value, at, faults);
    },
    on_empty: (entry, at) => {
      read.onEmpty = readFlag(entry.value, at, faults) ?? true;
    },
    ignore_message: (entry, at) => {
      read.ignoreMessage = readText(entry.value, at, faults) ?? '';
    },
  });
  return read;
}

function readGlobs(value: YamlValue, path: string, faults: FaultList): string[] {
  const globs = readTexts(value, path, faults);
  if (globs.length > maxPatterns) faults.add(value.at, path, `at most ${maxPatterns} patterns`);
  for (const glob of globs) {
    // With a reference in it, what it is shows only when the run is known.
    if (
      glob.length <= maxGlobLength &&
      (glob.includes('${') || globMatcher(readEscapes(glob)) !== null)
    )
      continue;
    const why = glob.length > maxGlobLength ? `longer than ${maxGlobLength} characters` : 'no glob';
    faults.add(value.at, path, `\`${glob.slice(0, 60)}\` is ${why}`);
  }
  return globs.slice(0, maxPatterns);
}

function readMatrixCondition(
  value: YamlValue,
  path: string,
  faults: FaultList,
): Condition['matrix'] {
  const read = { include: {}, exclude: {} };
  const nested =
    value.kind === 'map' &&
    value.entries.some(
      ({ key, value: inner }) => ['include', 'exclude'].includes(key) && inner.kind === 'map',
    );
  if (!nested) return { ...read, include: readTextMap(value, path, faults) };
  readMap(value, path, faults, {
    include: (entry, at) => {
      read.include = readTextMap(entry.value, at, faults);
    },
    exclude: (entry, at) => {
      read.exclude = readTextMap(entry.value, at, faults);
    },
  });
  return read;
}

function readExpression(value: YamlValue, path: string, faults: FaultList): Condition['evaluate'] {
  const text = readText(value, path, faults);
  if (text === null) return null;
  try {
    return parseExpression(text);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    faults.add(value.at, path, `the expression ${error.message} (character ${error.at})`);
    return null;
  }
}
