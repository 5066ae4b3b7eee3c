/** The forms that every part of the stand-in shares: a reply, a refusal, and how bodies are read. */
import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { parseDuration } from './durations.ts';

export type Operation = 'read' | 'update' | 'list' | 'delete';

export type Reply = {
  status: number;
  /** Sent as JSON; a text is sent as it is, for the few paths that answer with a PEM or an SSH key. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** The connection ends in the middle of the body. */
  isCutShort?: boolean;
};

/** An answer of the form `{"errors": […]}`. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly errors: readonly string[];

  constructor(status: number, ...errors: string[]) {
    super(errors.join('; '));
    this.name = 'ApiFailure';
    this.status = status;
    this.errors = errors;
  }
}

/** The form that Go's multierror gives one error, which Vault shows as it is. */
export function multierror(message: string): string {
  return `1 error occurred:\n\t* ${message}\n\n`;
}

export const noContent: Reply = { status: 204 };

const envelope = {
  lease_id: '',
  renewable: false,
  lease_duration: 0,
  data: null,
  wrap_info: null,
  warnings: null,
  auth: null,
};

export function answer(part: {
  lease_id?: string;
  renewable?: boolean;
  lease_duration?: number;
  data?: unknown;
  auth?: unknown;
  warnings?: readonly string[];
}): Reply {
  const warnings = part.warnings?.length === 0 ? null : part.warnings;
  return {
    status: 200,
    body: { request_id: randomUUID(), ...envelope, ...part, warnings: warnings ?? null },
  };
}

export function unsupportedPath(): ApiFailure {
  return new ApiFailure(404, multierror('unsupported path'));
}

export function unsupportedOperation(): ApiFailure {
  return new ApiFailure(405, multierror('unsupported operation'));
}

/** A token, accessor or secret id: 24 characters of base62 in Vault; hex carries the same meaning here. */
export function randomName(length: number): string {
  return randomBytes(length).toString('hex').slice(0, length);
}

/** A duration as Vault takes it: seconds as number or text, or Go's `90s`, `15m`, `1h30m`. Becomes seconds. */
export const Ttl = z.union([z.number(), z.string()]).transform((value, context) => {
  if (typeof value === 'number') return value;
  const seconds = parseDuration(value === '' ? '0' : value);
  if (seconds !== null) return seconds;
  context.addIssue({ code: 'custom', message: `error converting input "${value}" to seconds` });
  return z.NEVER;
});

/** A list as Vault takes it: an array, or one text with commas. */
export const TextList = z
  .union([z.array(z.string()), z.string()])
  .transform((value) =>
    typeof value === 'string' ? value.split(',').filter((entry) => entry !== '') : value,
  );

/** @throws ApiFailure 400 that names the field. */
export function readBody<T>(schema: z.ZodType<T>, body: Record<string, unknown>): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) =>
    issue.code === 'custom' ? issue.message : `${issue.path.join('.')}: ${issue.message}`,
  );
  throw new ApiFailure(400, ...faults);
}
