import { AirlockError } from '@airlock/common/errors';
import { dirname, resolve } from 'node:path';
import {
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
} from 'yaml';
import { z } from 'zod';
import { describeIssue, dotted } from './config-issue.ts';

export type ConfigurationErrorCode =
  | 'configuration-unreadable'
  | 'configuration-malformed'
  | 'configuration-invalid'
  | 'configuration-refused'
  /** The files are not those that administrators signed. */
  | 'configuration-untrusted';

/**
 * Something that only the person who set this process up can mend. `runProcess` prints the message alone, without
 * a stack, and exits 78. Packages that cannot depend on this one throw an AirlockError whose code begins with
 * `configuration-`, which is treated the same.
 */
export class ConfigurationError extends AirlockError<ConfigurationErrorCode> {}

// The unique-key check of `yaml` is quadratic in the number of keys; a configuration file is never this long.
const maxConfigBytes = 256 * 1024;

// Parsing is synchronous, so this holds exactly while one parseConfig call runs.
let directoryOfFileBeingParsed: string | null = null;

/**
 * A file path in a configuration file: absolute, or relative to the directory of that file. Absolute once parsed.
 * Outside `parseConfig` a relative path is taken from the working directory.
 */
export const FilePath = z
  .string()
  .min(1)
  .transform((path) => resolve(directoryOfFileBeingParsed ?? '.', path));

/** A fault of a configuration file and where it stands. */
export type ConfigFault = {
  readonly code: 'configuration-malformed' | 'configuration-invalid';
  /** 1-based; 1:1 when the whole file is meant. */
  readonly line: number;
  readonly column: number;
  /** Such as `approvals.rules.0.count`; empty for the file itself. */
  readonly path: string;
  /** What is wrong and how to mend it. */
  readonly message: string;
};

export type Place = Pick<ConfigFault, 'line' | 'column'>;

export type ReadConfig<T> = {
  /** Null when there is a fault. */
  readonly value: T | null;
  readonly faults: readonly ConfigFault[];
  /** Where the value at this path stands, or the nearest that there is around it. */
  readonly placeOf: (path: readonly PropertyKey[]) => Place;
};

/**
 * Reads one YAML configuration file into the shape that `schema` describes, with every fault that it has and its place.
 *
 * @param file the file's path: the place relative `FilePath`s start from.
 */
export function readConfig<T>(schema: z.ZodType<T>, text: string, file: string): ReadConfig<T> {
  const top: Place = { line: 1, column: 1 };
  const malformed = (message: string, { line, column }: Place = top): ReadConfig<T> => ({
    value: null,
    faults: [{ code: 'configuration-malformed', line, column, path: '', message }],
    placeOf: () => top,
  });
  if (Buffer.byteLength(text) > maxConfigBytes) {
    return malformed(`longer than ${maxConfigBytes} bytes; is this the right file?`);
  }
  const lines = new LineCounter();
  const options = { version: '1.2', uniqueKeys: true, prettyErrors: false } as const;
  const document = parseDocument(text, { ...options, lineCounter: lines });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return line === 0 ? top : { line, column: col };
  };
  const [broken] = [...document.errors, ...document.warnings];
  if (broken !== undefined) {
    const place = placeAt(broken.pos[0]);
    const what = `${firstLine(broken.message)} at line ${place.line}, column ${place.column}`;
    return malformed(what, place);
  }
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: 0 });
  } catch {
    return malformed('aliases (*name) are not accepted; write the value out');
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    return malformed('a mapping of keys to values is expected at the top');
  }
  const placeOf = (path: readonly PropertyKey[]): Place => placeAt(offsetOf(document, path, false));
  directoryOfFileBeingParsed = dirname(resolve(file));
  try {
    const result = schema.safeParse(data);
    if (result.success) return { value: result.data, faults: [], placeOf };
    const faults = result.error.issues
      .flatMap((issue) => describeIssue(schema, data, issue))
      .map(({ path, message, isKey }) => ({
        code: 'configuration-invalid' as const,
        ...placeAt(offsetOf(document, path, isKey)),
        path: dotted(path),
        message,
      }));
    return { value: null, faults, placeOf };
  } finally {
    directoryOfFileBeingParsed = null;
  }
}

/**
 * Reads one YAML configuration file into the shape that `schema` describes.
 *
 * @param file the file's path: named in every message, and the place relative `FilePath`s start from.
 * @throws ConfigurationError `configuration-malformed` when the text is not one YAML mapping with unique keys;
 *   `configuration-invalid` with every fault at once, a line each: `file: key.path: what; mend`.
 */
export function parseConfig<T>(schema: z.ZodType<T>, text: string, file: string): T {
  const { value, faults } = readConfig(schema, text, file);
  const [first] = faults;
  if (first === undefined && value !== null) return value;
  throw new ConfigurationError(
    first?.code ?? 'configuration-invalid',
    faults.map((fault) => `${file}: ${faultInWords(fault)}`).join('\n'),
  );
}

/** `key.path: what; mend`. */
export const faultInWords = ({ path, message }: Pick<ConfigFault, 'path' | 'message'>): string =>
  path === '' ? message : `${path}: ${message}`;

/** The offset of the value (or, with `isKey`, the key) at `path`, or of what is nearest around it. */
function offsetOf(document: Document, path: readonly PropertyKey[], isKey: boolean): number {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const [index, key] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(key),
      );
      if (pair === undefined) return offset;
      // A value of one line is meant itself; of one that goes on below, its key is what a reader looks for.
      const meansKey = isKey && index === path.length - 1;
      offset = startOf(isScalar(pair.value) && !meansKey ? pair.value : pair.key);
      node = pair.value;
    } else if (isCollection(node) && typeof key === 'number') {
      node = node.items[key];
      if (node === undefined) return offset;
      offset = startOf(node);
    } else {
      return offset;
    }
  }
  return offset;
}

const startOf = (node: unknown): number => (isNode(node) ? (node.range?.[0] ?? 0) : 0);

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
