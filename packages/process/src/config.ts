import { AirlockError } from '@airlock/common/errors';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';

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

/**
 * Reads one YAML configuration file into the shape that `schema` describes.
 *
 * @param file the file's path: named in every message, and the place relative `FilePath`s start from.
 * @throws ConfigurationError `configuration-malformed` when the text is not one YAML mapping with unique keys;
 *   `configuration-invalid` with every fault at once, a line each: `file: key.path: what; mend`.
 */
export function parseConfig<T>(schema: z.ZodType<T>, text: string, file: string): T {
  if (Buffer.byteLength(text) > maxConfigBytes) {
    throw malformed(file, `longer than ${maxConfigBytes} bytes; is this the right file?`);
  }
  const document = parseDocument(text, { version: '1.2', uniqueKeys: true, prettyErrors: true });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw malformed(file, firstLine(fault.message));
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw malformed(file, 'aliases (*name) are not accepted; write the value out', cause);
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw malformed(file, 'a mapping of keys to values is expected at the top');
  }
  directoryOfFileBeingParsed = dirname(resolve(file));
  try {
    const result = schema.safeParse(data);
    if (result.success) return result.data;
    const faults = result.error.issues.flatMap((issue) => describeIssue(schema, data, issue));
    throw new ConfigurationError(
      'configuration-invalid',
      faults.map((line) => `${file}: ${line}`).join('\n'),
    );
  } finally {
    directoryOfFileBeingParsed = null;
  }
}

function malformed(file: string, what: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError('configuration-malformed', `${file}: ${what}`, { cause });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function describeIssue(schema: z.core.$ZodType, data: unknown, issue: z.core.$ZodIssue): string[] {
  const path = issue.path;
  const at = schemaAt(schema, path);
  if (issue.code === 'unrecognized_keys') {
    const known = at instanceof z.ZodObject ? Object.keys(at.shape).join(', ') : '';
    return issue.keys.map(
      (key) =>
        `${dotted([...path, key])}: unknown key; remove it or correct its spelling (known here: ${known})`,
    );
  }
  const expected = descriptionAt(schema, path);
  if (valueAt(data, path) === undefined) {
    return [`${dotted(path)}: required and missing; add it${expected ? `: ${expected}` : ''}`];
  }
  return [
    `${dotted(path)}: ${issue.message}; ${expected ? `expected: ${expected}` : 'correct the value'}`,
  ];
}

function dotted(path: readonly PropertyKey[]): string {
  return path.length === 0 ? '(top)' : path.map(String).join('.');
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** The wrappers (optional, default, transform) stand around what the key really is. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  ) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in);
  return schema;
}

function shapeOf(object: z.ZodObject<z.ZodRawShape>): z.ZodRawShape {
  return object.shape;
}

function step(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject && typeof key === 'string') return shapeOf(inner)[key];
  if (inner instanceof z.ZodArray) return inner.element;
  if (inner instanceof z.ZodRecord) return inner.valueType;
  return undefined;
}

function schemaAt(
  schema: z.core.$ZodType,
  path: readonly PropertyKey[],
): z.core.$ZodType | undefined {
  let at: z.core.$ZodType | undefined = schema;
  for (const key of path) at = at && step(at, key);
  return at && unwrap(at);
}

/** The `.describe()` text of the key at `path`: the manual's own words for what belongs there. */
function descriptionAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string | undefined {
  let at: z.core.$ZodType | undefined = schema;
  for (const key of path) at = at && step(at, key);
  while (at !== undefined) {
    const text = z.globalRegistry.get(at)?.description;
    if (text !== undefined) return text;
    const inner: z.core.$ZodType = at instanceof z.ZodPipe ? at.in : unwrapOnce(at);
    at = inner === at ? undefined : inner;
  }
  return undefined;
}

function unwrapOnce(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
    ? schema.unwrap()
    : schema;
}
