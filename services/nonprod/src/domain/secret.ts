/** What may be kept as a secret of builds. */
import { z } from 'zod';

/** What the masker of logs asks for: shorter would hit half the words. */
const leastLength = 8;
const mostBytes = 32 * 1024;

export const SecretValue = z
  .string()
  .refine(
    (text) => Buffer.byteLength(text.trim()) >= leastLength,
    `expected ${leastLength} characters or more; shorter ones cannot be masked`,
  )
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'not well-formed text')
  .refine(
    (text) => Buffer.byteLength(text) <= mostBytes,
    `expected ${mostBytes} bytes at most; keep files in the artifact store`,
  );

export const SecretDescription = z
  .string()
  .max(200)
  .refine((text) => text.isWellFormed(), 'not well-formed text');
