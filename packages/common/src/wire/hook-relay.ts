/**
 * What nonprod asks the hook relay, over mutual TLS:
 *
 *   GET  /v1/hooks?limit=N&wait=SECONDS   the oldest spooled webhooks; waits up to that long for the first
 *   POST /v1/hooks/taken                  nonprod has them on disk: forget them
 */
import { z } from 'zod';
import { providers } from '../webhook/provider.ts';
import { Timestamp } from './scalars.ts';

export const SpoolId = z.string().regex(/^\d{16}$/);

export const SpooledHook = z.strictObject({
  /** Grows with each delivery, and is never given twice. */
  id: SpoolId,
  provider: z.enum(providers),
  /** Null for a hook of the whole installation. */
  repository: z.string().max(128).nullable(),
  headers: z.record(z.string().max(64), z.string().max(4096)),
  /** Base64 of the bytes as they came. */
  body: z.base64().max(7 * 1024 * 1024),
  at: Timestamp,
  from: z.string().max(64),
});
export type SpooledHook = z.infer<typeof SpooledHook>;

export const SpooledHooks = z.strictObject({ hooks: z.array(SpooledHook).max(100) });
export type SpooledHooks = z.infer<typeof SpooledHooks>;

export const TakenHooks = z.strictObject({ ids: z.array(SpoolId).min(1).max(100) });
export type TakenHooks = z.infer<typeof TakenHooks>;
