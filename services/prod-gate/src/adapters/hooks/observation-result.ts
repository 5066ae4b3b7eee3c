/** `/out/result.json` of an observe hook: which artifacts run on the target, by their digests. */
import { EncodingError } from '@airlock/common/encoding/encoding-error';
import { parseStrictJson } from '@airlock/common/encoding/strict-json';
import { z } from 'zod';
import { HookError } from './errors.ts';

/** Of different artifacts at once, as in the middle of a rollout; more is no answer that a person could use. */
const mostRunning = 16;

const ObservationFile = z.strictObject({
  running: z
    .array(z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 hex>'))
    .max(mostRunning)
    .refine((running) => new Set(running).size === running.length, 'each digest once'),
});

/** @throws HookError `hook-result` */
export function parseObservation(text: string): readonly string[] {
  let value: unknown;
  try {
    value = parseStrictJson(text, 2);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new HookError('hook-result', `/out/result.json: ${cause.message}`, { cause });
  }
  const parsed = ObservationFile.safeParse(value);
  if (parsed.success) return parsed.data.running;
  const [issue] = parsed.error.issues;
  throw new HookError(
    'hook-result',
    `/out/result.json: ${issue?.path.map(String).join('.') ?? ''} ${issue?.message ?? 'malformed'}; {"running": ["sha256:…"]} expected`,
  );
}
