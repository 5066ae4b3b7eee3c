/** A derived key of Vault's or OpenBao's Transit engine: the key never leaves it. */
import { z } from 'zod';
import { EnvelopeError } from './envelope-error.ts';
import { wrappedVersion, type KekProvider } from './kek-provider.ts';
import { keyBytes } from './seal.ts';
import type { TransitClient } from './transit-client.ts';

const Ciphertext = z.object({ ciphertext: z.string() });
const Plaintext = z.object({ plaintext: z.string() });
const Key = z.object({ latest_version: z.int().min(1) });

/**
 * The context goes to Transit as the key's derivation context, not as associated data: older servers ignore the latter
 * without a word, and rewrap does not know it.
 *
 * @param key name of the key, made with `derived=true`.
 */
export function createTransitKek({
  client,
  mount,
  key,
}: {
  readonly client: TransitClient;
  readonly mount: string;
  readonly key: string;
}): KekProvider {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

  async function ciphertext(path: string, body: Record<string, unknown>): Promise<string> {
    const answer = parsed(Ciphertext, await client.call('POST', path, body), path).ciphertext;
    wrappedVersion(answer, 'vault');
    return answer;
  }

  return {
    name: `Transit key ${mount}/${key}`,
    wrap: (plain, context) =>
      ciphertext(`${mount}/encrypt/${key}`, {
        plaintext: base64(plain),
        context: base64(context),
      }),
    async unwrap(wrapped, context) {
      wrappedVersion(wrapped, 'vault');
      const path = `${mount}/decrypt/${key}`;
      const body = { ciphertext: wrapped, context: base64(context) };
      const { plaintext } = parsed(Plaintext, await client.call('POST', path, body), path);
      const plain = Buffer.from(plaintext, 'base64');
      if (plain.length === keyBytes) return plain;
      plain.fill(0);
      throw new EnvelopeError(
        'envelope-malformed',
        `${path} gave something else than a key of ${keyBytes} bytes`,
      );
    },
    async rewrap(wrapped, context) {
      wrappedVersion(wrapped, 'vault');
      return ciphertext(`${mount}/rewrap/${key}`, {
        ciphertext: wrapped,
        context: base64(context),
      });
    },
    async currentVersion() {
      const path = `${mount}/keys/${key}`;
      return parsed(Key, await client.call('GET', path), path).latest_version;
    },
  };
}

function parsed<T>(schema: z.ZodType<T>, data: unknown, path: string): T {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  throw new EnvelopeError('kek-refused', `the answer to ${path} is not Transit's`);
}
