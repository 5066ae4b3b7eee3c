/**
 * `.airlock/launch.yaml`: what a person is asked before a run is started by hand. An answer becomes a variable of the run,
 * in the environment of its steps and nowhere else: it is never put into a command.
 */
import { readMap, readText, readTexts } from './yaml-fields.ts';
import {
  formatFault,
  join,
  readYamlFile,
  type FaultList,
  type YamlScalar,
  type YamlValue,
} from './yaml-file.ts';

export const launchPath = '.airlock/launch.yaml';

const maxFields = 32;
const maxTextLength = 1024;

interface Asked {
  /** The variable. */
  readonly name: string;
  readonly label: string;
  readonly required: boolean;
}
export type LaunchField = Asked &
  (
    | { readonly type: 'text'; readonly maxLength: number; readonly default: string | null }
    | {
        readonly type: 'number';
        readonly min: number;
        readonly max: number;
        readonly default: number | null;
      }
    | {
        readonly type: 'choice';
        readonly options: readonly string[];
        readonly default: string | null;
      }
    | { readonly type: 'boolean'; readonly default: boolean }
  );

export type LaunchForm =
  | { readonly ok: true; readonly fields: readonly LaunchField[] }
  /** `file:line:column: …`, one a fault. */
  | { readonly ok: false; readonly reasons: readonly string[] };

/** @param text null: the commit has no such file, and nothing is asked. */
export function parseLaunchFile(text: string | null): LaunchForm {
  if (text === null) return { ok: true, fields: [] };
  const { root, faults } = readYamlFile(text);
  const fields: LaunchField[] = [];
  if (root !== null) {
    readMap(root, '', faults, {
      version: ({ value }, path) => {
        if (readText(value, path, faults) !== '1') faults.add(value.at, path, 'expected 1');
      },
      fields: ({ value }, path) => {
        if (value.kind !== 'map') faults.add(value.at, path, 'expected names with a field each');
        else if (value.entries.length > maxFields) {
          faults.add(value.at, path, `at most ${maxFields} fields`);
        } else {
          for (const entry of value.entries) {
            const at = join(path, entry.key);
            if (!isOwnVariable(entry.key)) faults.add(entry.keyAt, at, ownVariableHint);
            const field = readField(entry.key, entry.value, at, faults);
            if (field !== null) fields.push(field);
          }
        }
      },
    });
  }
  return faults.faults.length === 0
    ? { ok: true, fields }
    : { ok: false, reasons: faults.faults.map((fault) => formatFault(launchPath, fault)) };
}

/** What `isOwnVariable` expects, for people. */
export const ownVariableHint =
  'expected A-Z, 0-9 and _, and none that steps, loaders or shells act on: CI_, AIRLOCK_, PLUGIN_, LD_, GIT_, PATH, HOME, IFS, ENV, BASH_ENV, NODE_OPTIONS';

/** Whether what a person sets may be a variable of this name. */
export function isOwnVariable(name: string): boolean {
  return (
    /^[A-Z][A-Z0-9_]{0,62}$/.test(name) &&
    !/^(CI|AIRLOCK|PLUGIN|LD|DYLD|GIT|BASH|NODE|NPM|PYTHON|PERL|RUBY|JAVA)_/.test(name) &&
    !/^(CI|PATH|HOME|IFS|ENV|SHELL|PS4|SHELLOPTS|BASHOPTS|PERL5OPT|RUBYOPT|TMPDIR)$/.test(name)
  );
}

function readField(
  name: string,
  value: YamlValue,
  path: string,
  faults: FaultList,
): LaunchField | null {
  const read: {
    type: string | null;
    label: string | null;
    required: boolean;
    options: readonly string[];
    min: number;
    max: number;
    maxLength: number;
    default: YamlScalar;
  } = {
    type: null,
    label: null,
    required: false,
    options: [],
    min: Number.MIN_SAFE_INTEGER,
    max: Number.MAX_SAFE_INTEGER,
    maxLength: 255,
    default: null,
  };
  const whole = (at: YamlValue, where: string, least: number, most: number): number => {
    const found = at.kind === 'scalar' && typeof at.value === 'number' ? at.value : Number.NaN;
    if (Number.isSafeInteger(found) && found >= least && found <= most) return found;
    faults.add(at.at, where, `expected a whole number from ${least} to ${most}`);
    return least;
  };
  readMap(value, path, faults, {
    type: (entry, at) => {
      read.type = readText(entry.value, at, faults);
    },
    label: (entry, at) => {
      read.label = readText(entry.value, at, faults)?.slice(0, 200) ?? null;
    },
    required: (entry, at) => {
      if (entry.value.kind === 'scalar' && typeof entry.value.value === 'boolean') {
        read.required = entry.value.value;
      } else faults.add(entry.value.at, at, 'expected true or false');
    },
    options: (entry, at) => {
      read.options = readTexts(entry.value, at, faults);
      const isGood = (option: string): boolean => option !== '' && option.length <= 255;
      if (read.options.length > 100 || !read.options.every(isGood)) {
        faults.add(entry.value.at, at, 'expected 1 to 100 options of 1 to 255 characters');
      }
    },
    min: (entry, at) => {
      read.min = whole(entry.value, at, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    },
    max: (entry, at) => {
      read.max = whole(entry.value, at, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    },
    maxLength: (entry, at) => {
      read.maxLength = whole(entry.value, at, 1, maxTextLength);
    },
    default: (entry, at) => {
      if (entry.value.kind === 'scalar') read.default = entry.value.value;
      else faults.add(entry.value.at, at, 'expected one value');
    },
  });
  const asked = { name, label: read.label ?? name, required: read.required };
  const field = ((): LaunchField | null => {
    switch (read.type) {
      case 'text': {
        const text = read.default === null ? null : String(read.default);
        return { ...asked, type: 'text', maxLength: read.maxLength, default: text };
      }
      case 'number': {
        const number = typeof read.default === 'number' ? read.default : null;
        return { ...asked, type: 'number', min: read.min, max: read.max, default: number };
      }
      case 'choice': {
        const { options } = read;
        if (options.length === 0) faults.add(value.at, join(path, 'options'), 'missing');
        const chosen = read.default === null ? null : String(read.default);
        return { ...asked, type: 'choice', options, default: chosen };
      }
      case 'boolean':
        return { ...asked, type: 'boolean', default: read.default === true };
      default:
        faults.add(value.at, join(path, 'type'), 'expected text, number, choice or boolean');
        return null;
    }
  })();
  if (field === null || read.default === null) return field;
  const fault = answerFault(field, String(read.default));
  if (fault !== null) faults.add(value.at, join(path, 'default'), fault);
  return field;
}

export type Launched =
  | { readonly ok: true; readonly variables: Readonly<Record<string, string>> }
  /** By field, in words for whoever fills the form in. */
  | { readonly ok: false; readonly reasons: readonly string[] };

/** Answers as variables: every one is asked for, has its type and is within its bounds; what was left out has its default. */
export function launchVariables(
  fields: readonly LaunchField[],
  answers: Readonly<Record<string, string>>,
): Launched {
  const reasons = Object.keys(answers)
    .filter((name) => !fields.some((field) => field.name === name))
    .map((name) => `${name}: not asked for by ${launchPath} at this commit`);
  const variables: Record<string, string> = {};
  for (const field of fields) {
    const given = Object.hasOwn(answers, field.name) ? answers[field.name] : undefined;
    const left = given === undefined || (given === '' && field.type !== 'text');
    const answer = left ? (field.default === null ? null : String(field.default)) : given;
    if (answer === null || (answer === '' && field.required)) {
      if (field.required) reasons.push(`${field.name}: ${field.label} is needed`);
      continue;
    }
    const fault = answerFault(field, answer);
    if (fault === null) variables[field.name] = answer;
    else reasons.push(`${field.name}: ${fault}`);
  }
  return reasons.length === 0 ? { ok: true, variables } : { ok: false, reasons };
}

function answerFault(field: LaunchField, answer: string): string | null {
  switch (field.type) {
    case 'text':
      if (answer.length > field.maxLength) return `at most ${field.maxLength} characters`;
      return answer.includes('\0') || !answer.isWellFormed() ? 'text without NUL expected' : null;
    case 'number': {
      const number = /^-?\d{1,16}$/.test(answer) ? Number(answer) : Number.NaN;
      return number >= field.min && number <= field.max
        ? null
        : `expected a whole number from ${field.min} to ${field.max}`;
    }
    case 'choice':
      return field.options.includes(answer) ? null : `expected one of ${field.options.join(', ')}`;
    case 'boolean':
      return answer === 'true' || answer === 'false' ? null : 'expected true or false';
  }
}
