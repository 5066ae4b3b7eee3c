/** The `.intoto.jsonl` bundle: DSSE envelopes, one a line, each line ended by a line feed. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { decodeBase64 } from '@airlock/common/encoding/base64';

export function bundleBytes(envelopes: readonly string[]): Buffer {
  return Buffer.from(envelopes.map((envelope) => `${envelope}\n`).join(''), 'utf8');
}

const EnvelopeParts = z.object({ payload: z.string() });

/** SHA-256 of an envelope's payload, by which a promotion request names its provenance. */
export function payloadDigest(envelope: string): string {
  const { payload } = EnvelopeParts.parse(JSON.parse(envelope));
  return createHash('sha256').update(decodeBase64(payload)).digest('hex');
}
