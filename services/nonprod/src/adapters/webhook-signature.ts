import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Checks `X-Hub-Signature-256: sha256=HEX` as GitHub and Gitea send it: HMAC-SHA-256 over the body's bytes as they came.
 * Takes the same time whatever is wrong.
 */
export function webhookSignatureHolds(
  secret: string,
  body: Uint8Array,
  header: string | undefined,
): boolean {
  const expected = createHmac('sha256', secret).update(body).digest();
  const claimed = Buffer.from(/^sha256=([0-9a-f]{64})$/.exec(header ?? '')?.[1] ?? '', 'hex');
  const comparable = claimed.length === expected.length;
  return (
    timingSafeEqual(comparable ? claimed : Buffer.alloc(expected.length), expected) && comparable
  );
}
