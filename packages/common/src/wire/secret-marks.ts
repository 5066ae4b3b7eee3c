/**
 * How the gate finds out that a credential of its own is also a secret of nonprod's, where every build may read it. The gate
 * sends a fresh random key; nonprod answers a mark of each secret that it keeps. So marks of low-value values go to the gate,
 * and nothing of the gate's goes to nonprod.
 */
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { maxSecretMarks } from '../limits.ts';
import { Sha256Hex } from './scalars.ts';

export const secretMarksPath = '/v1/secret-marks';

export const SecretMarksRequest = z.strictObject({
  key: z.string().regex(/^[0-9a-f]{64}$/, 'expected 32 bytes in lower-case hexadecimal digits'),
});
export type SecretMarksRequest = z.infer<typeof SecretMarksRequest>;

export const SecretMark = z.strictObject({
  /** Project and name, for the person who has to change one of the two. It ends on the gate's pages: no other characters. */
  secret: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$/, 'expected project/name'),
  mark: Sha256Hex,
});
export type SecretMark = z.infer<typeof SecretMark>;

export const SecretMarks = z.strictObject({ marks: z.array(SecretMark).max(maxSecretMarks) });
export type SecretMarks = z.infer<typeof SecretMarks>;

/**
 * HMAC-SHA256 of the value under `key`, in hexadecimal digits. Line ends at the end do not count: a file has one where a
 * form has none, and the credential is the same.
 */
export function secretMark(key: Uint8Array, value: string): string {
  const bare = value.replace(/[\r\n]+$/, '');
  return createHmac('sha256', key).update(Buffer.from(bare, 'utf8')).digest('hex');
}
