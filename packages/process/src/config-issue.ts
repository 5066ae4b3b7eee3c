/** A fault that a schema found in a configuration file, told to whoever wrote the file. */
import { nearWord } from '@airlock/common/near-word';
import { z } from 'zod';

export type PathFault = {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The key itself is at fault, not its value. */
  readonly isKey: boolean;
};

/** What is wrong at which key, in words that say how to mend it: a fault for each unknown key. */
export function describeIssue(
  schema: z.core.$ZodType,
  data: unknown,
  issue: z.core.$ZodIssue,
): PathFault[] {
  const path = issue.path;
  if (issue.code === 'unrecognized_keys') {
    const at = schemaAt(schema, path, data);
    const known = at instanceof z.ZodObject ? Object.keys(at.shape) : [];
    return issue.keys.map((key) => {
      const near = nearWord(key, known);
      const mend =
        near === undefined
          ? `remove it or correct its spelling (known here: ${known.join(', ')})`
          : `did you mean ${near}?`;
      return { path: [...path, key], message: `unknown key; ${mend}`, isKey: true };
    });
  }
  const expected = descriptionAt(schema, path, data);
  // A rule about several keys may speak of one that is left out, and says itself what is wrong.
  if (valueAt(data, path) === undefined && issue.code !== 'custom') {
    return [
      {
        path,
        message: `required and missing; add it${expected ? `: ${expected}` : ''}`,
        isKey: false,
      },
    ];
  }
  const mend = expected ? `expected: ${expected}` : 'correct the value';
  return [{ path, message: `${issue.message}; ${mend}`, isKey: false }];
}

/** `key.path` of a path of keys and indexes. */
export function dotted(path: readonly PropertyKey[]): string {
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

function step(
  schema: z.core.$ZodType,
  key: PropertyKey,
  data: unknown,
): z.core.$ZodType | undefined {
  const inner = optionOf(unwrap(schema), data);
  if (inner instanceof z.ZodObject && typeof key === 'string') return shapeOf(inner)[key];
  if (inner instanceof z.ZodArray) return inner.element;
  if (inner instanceof z.ZodRecord) return inner.valueType;
  return undefined;
}

/** Of shapes told apart by one key, such as `kind`, the one whose value `data` has. */
function optionOf(schema: z.core.$ZodType, data: unknown): z.core.$ZodType {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const key = schema.def.discriminator;
  const written = valueAt(data, [key]);
  const option = schema.options.find(
    (one) =>
      one instanceof z.ZodObject && z.safeParse(shapeOf(one)[key] ?? z.never(), written).success,
  );
  return option ?? schema;
}

function schemaAt(
  schema: z.core.$ZodType,
  path: readonly PropertyKey[],
  data: unknown,
): z.core.$ZodType | undefined {
  let at: z.core.$ZodType | undefined = schema;
  for (const [index, key] of path.entries()) {
    at = at && step(at, key, valueAt(data, path.slice(0, index)));
  }
  return at && optionOf(unwrap(at), valueAt(data, path));
}

/** The `.describe()` text of the key at `path`: the manual's own words for what belongs there. */
function descriptionAt(
  schema: z.core.$ZodType,
  path: readonly PropertyKey[],
  data: unknown,
): string | undefined {
  let at: z.core.$ZodType | undefined = schema;
  for (const [index, key] of path.entries()) {
    at = at && step(at, key, valueAt(data, path.slice(0, index)));
  }
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
