import { z } from 'zod';
import type { VaultLogin } from '../../app/vault-ports.ts';
import { createVaultClient, parseAnswer } from './client.ts';
import { readCredential } from './credential.ts';
import { askReadiness } from './readiness.ts';
import type { VaultSettings } from './settings.ts';
import { createVaultTransport } from './transport.ts';

/** What a login answers, for the fields that Airlock uses. */
export const LoginAnswer = z.object({
  auth: z.object({
    client_token: z.string().min(1),
    accessor: z.string().min(1),
    lease_duration: z.int().min(1),
    // A batch token cannot be revoked, so a delivery must never run on one.
    token_type: z.literal('service'),
  }),
});

/**
 * The deliverer's way into Vault: no identity of its own, only the JWT of one delivery.
 *
 * @throws ConfigurationError when the environment or the settings are unsafe.
 */
export function createVaultLogin(
  settings: VaultSettings,
  environment: NodeJS.ProcessEnv = process.env,
): VaultLogin {
  const transport = createVaultTransport(settings, environment);
  const { address } = settings;
  return {
    ready: ({ signal }) => askReadiness(createVaultClient({ address, transport }), signal),
    async login({ mount, role, jwt, signal }) {
      const path = `auth/${mount}/login`;
      const answer = await createVaultClient({ address, transport }).write(
        path,
        { role, jwt },
        { signal },
      );
      const { auth } = parseAnswer(LoginAnswer, answer, `POST ${path}`);
      const client = createVaultClient({ address, transport, token: auth.client_token });
      return {
        accessor: auth.accessor,
        ttlSeconds: auth.lease_duration,
        read: (read, { signal: asked }) =>
          readCredential(client, read, {
            tokenSeconds: auth.lease_duration,
            now: () => new Date(),
            signal: asked,
          }),
        async revokeSelf() {
          await client.write('auth/token/revoke-self', {});
        },
      };
    },
  };
}
