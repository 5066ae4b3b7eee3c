/** `/out/result.json`: what a hook says it did. Shown on pages and kept in the delivery, so it is small, flat and masked. */
import { EncodingError } from '@airlock/common/encoding/encoding-error';
import { parseStrictJson } from '@airlock/common/encoding/strict-json';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { HookError } from './errors.ts';
import type { Mask } from './mask.ts';

export const maxResultBytes = 64 * 1024;

const HookResultFile = z
  .record(
    z.string().regex(/^[a-z][A-Za-z0-9]{0,62}$/),
    z.union([
      // Postgres keeps no zero in a text.
      z
        .string()
        .max(1000)
        .refine((text) => !text.includes('\0'), 'holds a zero byte'),
      z.number(),
      z.boolean(),
    ]),
  )
  .refine((result) => Object.keys(result).length <= 32, 'at most 32 members');

export type HookResult = Readonly<Record<string, string | number | boolean>>;

/**
 * @throws HookError `hook-result` when there is no regular file of at most 64 KiB with one flat JSON object of strings,
 *   numbers and booleans.
 */
export async function readHookResult(outDirectory: string, mask: Mask): Promise<HookResult> {
  return parseHookResult(await readResultText(outDirectory), mask);
}

/** @throws HookError `hook-result` when there is no regular file of at most 64 KiB. */
export async function readResultText(outDirectory: string): Promise<string> {
  try {
    // The hook could have left a link to a file of the gate, or a pipe that nobody writes to.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const handle = await open(join(outDirectory, 'result.json'), flags);
    try {
      const facts = await handle.stat();
      if (!facts.isFile() || facts.size > maxResultBytes) {
        throw new HookError(
          'hook-result',
          `/out/result.json is not a file of at most ${maxResultBytes} bytes`,
        );
      }
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof HookError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new HookError(
      'hook-result',
      `/out/result.json cannot be read (${code}); a hook that ends with 0 writes it`,
      {
        cause,
      },
    );
  }
}

export function parseHookResult(text: string, mask: Mask): HookResult {
  let value: unknown;
  try {
    value = parseStrictJson(text, 1);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new HookError('hook-result', `/out/result.json: ${cause.message}`, { cause });
  }
  const parsed = HookResultFile.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new HookError(
      'hook-result',
      `/out/result.json: ${issue?.path.map(String).join('.') ?? ''} ${issue?.message ?? 'malformed'}`,
    );
  }
  // Masked after parsing, where no escape sequence can hide a secret.
  return Object.fromEntries(
    Object.entries(parsed.data).map(([key, entry]) => [
      mask.text(key),
      typeof entry === 'string' ? mask.text(entry) : entry,
    ]),
  );
}
