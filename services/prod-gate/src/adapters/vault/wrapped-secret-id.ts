/** Takes the watchdog's secret id out of the wrapping token that it was handed over in. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { VaultError, type TakenSecretId } from '../../app/vault-ports.ts';
import { createVaultClient, parseAnswer } from './client.ts';
import { VaultHttpError } from './errors.ts';
import type { AppRoleIdentity } from './reaper-identity.ts';
import type { VaultSettings } from './settings.ts';
import { createVaultTransport } from './transport.ts';

const LookUp = z.object({ data: z.object({ creation_path: z.string() }) });
const Unwrapped = z.object({ data: z.object({ secret_id: z.string().min(1) }) });

/**
 * Looks where the token was made before it is unwrapped: one that anybody else wrapped gives a secret id of theirs. What is
 * taken is kept in `secretIdFile`, so that a restart needs no person. Never throws for what Vault answers.
 *
 * @throws Error when `secretIdFile` cannot be written; the secret id is lost then, and the next start says so.
 */
export async function takeWrappedSecretId(
  settings: VaultSettings,
  { wrapped, secretIdFile }: Pick<AppRoleIdentity, 'wrapped' | 'secretIdFile'>,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<TakenSecretId> {
  const token = wrapped === undefined ? null : tokenIn(wrapped.tokenFile);
  if (wrapped === undefined || token === null) return { outcome: 'none' };
  const transport = createVaultTransport(settings, environment);
  const { address } = settings;
  const expected = `auth/approle/role/${wrapped.role}/secret-id`;
  let secretId: string;
  try {
    const lookUp = 'sys/wrapping/lookup';
    const answer = await createVaultClient({ address, transport }).write(lookUp, { token });
    const { creation_path } = parseAnswer(LookUp, answer, `POST ${lookUp}`).data;
    if (creation_path !== expected) {
      return intercepted(`it was made at ${creation_path} and not at ${expected}`, wrapped.role);
    }
    const unwrap = 'sys/wrapping/unwrap';
    const given = await createVaultClient({ address, transport, token }).write(unwrap, {});
    secretId = parseAnswer(Unwrapped, given, `POST ${unwrap}`).data.secret_id;
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    const isRefused = error instanceof VaultHttpError && error.code === 'vault-refused';
    return isRefused
      ? intercepted(`it was unwrapped before, or is past its time: ${error.message}`, wrapped.role)
      : { outcome: 'failed', why: error.message };
  }
  const unfinished = `${secretIdFile}.new`;
  rmSync(unfinished, { force: true });
  writeFileSync(unfinished, `${secretId}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(unfinished, secretIdFile);
  rmSync(wrapped.tokenFile);
  return { outcome: 'taken' };
}

function intercepted(what: string, role: string): TakenSecretId {
  return {
    outcome: 'intercepted',
    why: `the wrapping token gives no secret id: ${what}; take it for somebody else's now: airlock vault issue-reaper-secret --wrapped --end-others --reaper-role ${role}, and look into Vault's audit log for sys/wrapping/unwrap`,
  };
}

function tokenIn(file: string): string | null {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return text === '' ? null : text;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
