import { createHmac } from 'node:crypto';
import type { Provider } from '@airlock/common/webhook/provider';

/**
 * The secret of a repository's webhook: derived, so that no database and no backup holds it. In the form of Standard
 * Webhooks, which every forge takes as plain text as well.
 *
 * @param key 32 bytes or more.
 * @param generation grows when the secret is renewed; older ones hold no more.
 */
export function hookSecret(
  key: Uint8Array,
  hook: { readonly provider: Provider; readonly repository: string; readonly generation: number },
): string {
  const { provider, repository, generation } = hook;
  const text = ['airlock-webhook-v1', provider, repository, String(generation)].join('\0');
  return `whsec_${createHmac('sha256', key).update(text).digest('base64')}`;
}
