/** What an administrator of Vault gets there without the gate, and whether an auditor of Vault's log hears of it. */
import type { VaultFindingCode } from '@airlock/verify/vault-audit/finding';
import { deliveryPolicyPrefix } from '@airlock/verify/vault-audit/places';
import { z } from 'zod';
import { auditVault, signedPlaces } from '../vault-audit.ts';
import { all, type Drill, type Way } from './drill.ts';

const Token = z.looseObject({ auth: z.looseObject({ client_token: z.string() }) });

/** Asks Vault; what it does not grant could not be tried. */
async function ask(
  { address, token }: { readonly address: string; readonly token: string },
  method: 'GET' | 'POST',
  path: string,
  body?: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const answer = await fetch(`${address}/v1/${path}`, {
    method,
    headers: { 'x-vault-token': token, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Vault answered ${answer.status} to ${method} ${path}`);
  return text === '' ? null : JSON.parse(text);
}

const loginBesideGate: Drill = {
  id: 'login-beside-gate',
  controls: ['V1'],
  attacker: 'vault-admin',
  attack:
    'makes logins of production at Vault without a delivery, as root and by a token with a delivery’s policy, and ends them before anybody looks',
  async run({ owned, gate, gateConfig, deliveryTarget }) {
    const { vault } = owned;
    if (vault === null) {
      throw new Error(
        'this pair uses a Vault that others use too; start it without VAULT_ADDR, so that it has its own',
      );
    }
    const root = { address: vault.address, token: vault.rootToken };
    const { administrators, auditFile } = vault;
    const places = await signedPlaces({ config: gateConfig, administrators });
    const path = places.find(
      (place) => place.target === deliveryTarget && !place.path.startsWith('auth/'),
    )?.path;
    if (path === undefined) throw new Error(`${deliveryTarget} reads nothing at Vault`);

    const from = new Date();
    const named = async (code: VaultFindingCode, at: string): Promise<number> => {
      const { findings } = await auditVault({
        ...{ files: [auditFile], ledger: gate, key: `${gateConfig}/ledger.vkey` },
        ...{ places, skewSeconds: 1, from },
      });
      return findings.filter((each) => each.code === code && each.path === at).length;
    };
    const ways: Way[] = [];
    const tell = async (
      way: string,
      [code, at]: readonly [VaultFindingCode, string],
      wanted: number,
    ): Promise<void> => {
      const found = await named(code, at);
      const answer = found === 0 ? 'named by nothing' : `${code}, ${found} times`;
      ways.push({ way, held: found === wanted, answer });
    };
    const logins = ['issued-unrecorded', path] as const;
    const tokens = ['token-elsewhere', 'auth/token/create'] as const;

    // What is named after the attack is shown to be the attack's.
    await tell('before it', logins, 0);
    try {
      await ask(root, 'GET', path);
      await tell('a login by root', logins, 1);
      const policies = [`${deliveryPolicyPrefix}${deliveryTarget}`];
      const made = await ask(root, 'POST', 'auth/token/create', { policies, ttl: '60s' });
      await tell('a token with a delivery’s policy', tokens, 1);
      const like = { address: vault.address, token: Token.parse(made).auth.client_token };
      await ask(like, 'GET', path);
      await tell('a login by that token', logins, 2);
      await ask(like, 'POST', 'auth/token/revoke-self');
    } finally {
      await ask(root, 'POST', `sys/leases/revoke-prefix/${path}`);
    }
    await tell('both after they were ended', logins, 2);
    return all(ways);
  },
};

export const vaultAdminDrills: readonly Drill[] = [loginBesideGate];
