/** What may be kept as a secret of builds. */
import { z } from 'zod';

/** As a variable may be called, and as text after a dot or a dash. */
export const SecretName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/,
    'expected 1 to 63 letters, digits, _ . - that begin with a letter or _',
  );

const leastLength = 4;
const mostBytes = 32 * 1024;

/** Shorter could not be masked in logs: it would hit half the words. */
export const SecretValue = z
  .string()
  .min(leastLength, `expected ${leastLength} characters or more; shorter ones cannot be masked`)
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'not well-formed text')
  .refine(
    (text) => Buffer.byteLength(text) <= mostBytes,
    `expected ${mostBytes} bytes at most; keep files in the artifact store`,
  );

export const SecretDescription = z
  .string()
  .max(200)
  .refine((text) => text.isWellFormed(), 'not well-formed text');
